import type { EvaluationRecord } from '@selfsup/run-folder'
import type { Atlas, RunDetails, RunView } from '../page-data.js'
import { ordered } from './evaluated-data.js'
import { Section } from './section.js'
import { atlasOf, classAt, Thumb } from './thumb.js'

interface NeighboursProps {
  readonly run: RunView
  readonly details: RunDetails | undefined
}

const MOST_ROWS = 16
const MOST_COLUMNS = 10

/** Test images with their nearest neighbours. */
export function Neighbours({ run, details }: NeighboursProps) {
  const record = ordered(run.evaluations).find(({ neighbours }) => neighbours?.length)
  if (!record) return null
  return (
    <Section
      id="neighbours"
      title="Nearest neighbours"
      note="Test images with the most similar images by their features, nearest first. ✓ same class, ✗ different class."
    >
      <div class="neighbours">
        {record.neighbours!.slice(0, MOST_ROWS).map((row) => (
          <Row
            key={row.query}
            row={row}
            train={atlasOf(details, record, 'train')}
            test={atlasOf(details, record, 'test')}
          />
        ))}
      </div>
    </Section>
  )
}

type NeighbourRow = NonNullable<EvaluationRecord['neighbours']>[number]

interface RowProps {
  readonly row: NeighbourRow
  readonly train: Atlas | undefined
  readonly test: Atlas | undefined
}

function Row({ row, train, test }: RowProps) {
  const own = classAt(test, row.query)
  return (
    <div class="neighbour-row">
      <div class="query">
        <Thumb atlas={test} position={row.query} size={64} about="the query" />
        <span class="caption">{own ?? `image ${row.query}`}</span>
      </div>
      <ol class="nearest">
        {row.nearest.slice(0, MOST_COLUMNS).map(({ split, position, similarity }) => {
          const atlas = split === 'train' ? train : test
          const found = classAt(atlas, position)
          const same = own !== undefined && found !== undefined ? found === own : undefined
          const mark = same === undefined ? undefined : same ? 'same' : 'other'
          return (
            <li key={`${split} ${position}`}>
              <Thumb
                atlas={atlas}
                position={position}
                size={52}
                mark={mark}
                about={`${split}, similarity ${similarity.toFixed(3)}${same === false ? ', different class' : ''}`}
              />
              <span class="caption">
                {same !== undefined && <b class={mark}>{same ? '✓' : '✗'}</b>} {similarity.toFixed(2)}
              </span>
            </li>
          )
        })}
      </ol>
    </div>
  )
}
