import { useState } from 'preact/hooks'
import type { RunDetails, RunView } from '../page-data.js'
import { ordered } from './evaluated-data.js'
import { number } from './format.js'
import { Section } from './section.js'
import { atlasOf, Thumb } from './thumb.js'

interface ClustersProps {
  readonly run: RunView
  readonly details: RunDetails | undefined
}

const SHOWN_AT_FIRST = 24
const MEMBERS = 18

/** A contact sheet of each cluster, largest first. */
export function Clusters({ run, details }: ClustersProps) {
  const [all, setAll] = useState(false)
  const record = ordered(run.evaluations).find(({ clusters }) => clusters?.length)
  if (!record) return null
  const clusters = record.clusters!.map((cluster, i) => ({ ...cluster, number: i + 1 }))
  clusters.sort((a, b) => b.size - a.size)
  const atlas = atlasOf(details, record, 'test')
  const shown = all ? clusters : clusters.slice(0, SHOWN_AT_FIRST)
  return (
    <Section
      id="clusters"
      title="Clusters"
      note={`${record.title}: the test images nearest to the centre of each cluster.`}
    >
      <div class="clusters">
        {shown.map(({ number: name, size, mostly, members }) => (
          <figure class="cluster" key={name}>
            <figcaption>
              <b>{mostly ?? `cluster ${name}`}</b> {mostly && `cluster ${name}, `}
              {number(size)} images
            </figcaption>
            <div class="sheet">
              {members.slice(0, MEMBERS).map((position) => (
                <Thumb key={position} atlas={atlas} position={position} size={44} />
              ))}
            </div>
          </figure>
        ))}
      </div>
      {shown.length < clusters.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {clusters.length} clusters
        </button>
      )}
    </Section>
  )
}
