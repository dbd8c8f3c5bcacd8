import { missingSections } from '../missing.js'
import type { RunDetails, RunView } from '../page-data.js'
import { Section } from './section.js'

/** Settings of a run. */
export function Settings({ run }: { readonly run: RunView }) {
  if (run.facts.length === 0) return null
  return (
    <Section id="settings" title="Settings">
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

/** Files that could not be read, and parts that could not be created. */
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
    <Section id="problems" title="Problems">
      <ul class="lines">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </Section>
  )
}

/** Sections without data, with the command that creates it. */
export function Missing({ run }: { readonly run: RunView }) {
  const bySection = new Map<string, string[]>()
  for (const { section, command } of missingSections(run))
    bySection.set(command, [...(bySection.get(command) ?? []), section])
  if (bySection.size === 0) return null
  return (
    <Section id="missing" title="Missing data">
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
