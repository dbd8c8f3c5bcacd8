import { useState } from 'preact/hooks'
import type { RunDetails, Sheet } from '../page-data.js'
import { number, words } from './format.js'
import { Section } from './section.js'

/** Images that a method saved: views, reconstructions, samples; with a slider over the steps if there are several. */
export function Sheets({ details }: { readonly details: RunDetails | undefined }) {
  if (!details?.sheets?.length) return null
  return (
    <Section id="pictures" title="Sample views and images">
      <div class="sheets">
        {details.sheets.map(({ name, sheets }) => (
          <SheetOverTime key={name} name={name} sheets={sheets} />
        ))}
      </div>
    </Section>
  )
}

function SheetOverTime({ name, sheets }: { readonly name: string; readonly sheets: readonly Sheet[] }) {
  const [chosen, choose] = useState<number>()
  const at = Math.min(chosen ?? sheets.length - 1, sheets.length - 1)
  const { step, src } = sheets[at]!
  const when = step === undefined ? '' : `step ${number(step)}`
  return (
    <figure class="sheet-figure">
      <figcaption>
        <h3>{words(name)}</h3>
        {sheets.length > 1 && (
          <label>
            <span class="unseen">{words(name)} by step</span>
            <input
              type="range"
              min={0}
              max={sheets.length - 1}
              value={at}
              aria-valuetext={when}
              onInput={(event) => choose(Number((event.currentTarget as HTMLInputElement).value))}
            />
          </label>
        )}
        <span class="note">{when}</span>
      </figcaption>
      <img src={src} alt={`${words(name)} ${when}`} />
    </figure>
  )
}
