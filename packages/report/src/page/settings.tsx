import { missingSections } from '../missing.js'
import type { RunDetails, RunView } from '../page-data.js'
import { Section } from './section.js'

/** The settings that a run was made with. */
export function MadeOf({ run }: { readonly run: RunView }) {
  if (run.facts.length === 0) return null
  return (
    <Section id="made-of" title="How it was made">
      <dl class="facts">
        {run.facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}

/** What could not be read or made. */
export function Problems({
  run,
  details,
}: {
  readonly run: RunView
  readonly details: RunDetails | undefined
}) {
  const lines = [...run.problems, ...(details?.notes ?? [])]
  if (lines.length === 0) return null
  return (
    <Section id="problems" title="What could not be shown">
      <ul class="lines">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </Section>
  )
}

/** Sections that are left out, and what brings them: one line each. */
export function Missing({ run }: { readonly run: RunView }) {
  const bySection = new Map<string, string[]>()
  for (const { section, command } of missingSections(run))
    bySection.set(command, [...(bySection.get(command) ?? []), section])
  if (bySection.size === 0) return null
  return (
    <Section id="missing" title="Not here yet">
      <ul class="lines">
        {[...bySection].map(([command, sections]) => (
          <li key={command}>
            {sections.join(', ')}: <code>{command}</code>
          </li>
        ))}
      </ul>
    </Section>
  )
}
