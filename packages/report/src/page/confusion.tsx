import type { EvaluationRecord } from '@selfsup/run-folder'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { RunView } from '../page-data.js'
import { ClassRecall } from './class-recall.js'
import { dataLabel, needsLabels, ordered, resultOf } from './evaluated-data.js'
import { number, percent } from './format.js'
import { Scroll, Section } from './section.js'
import { cssColor, REPAINT } from './theme.js'

/** Matrices with more classes are drawn on a canvas, since an element per cell would be too many. */
const MOST_IN_TABLE = 20
const MOST_CONFUSED = 10

type Matrix = NonNullable<EvaluationRecord['confusion']>

/** Shows which classes are confused. */
export function Confusion({ run }: { readonly run: RunView }) {
  const records = ordered(run.evaluations).filter(
    ({ confusion }) => confusion && confusion.classes.length > 0,
  )
  const [chosen, choose] = useState<string>()
  const record = records.find((each) => resultOf(each) === chosen) ?? records[0]
  if (!record) return null
  const { confusion, classRecall } = record
  const labels = needsLabels(records)
  return (
    <Section
      id="confusion"
      title="Confusion matrix"
      note={`${record.title}: rows are true classes, columns are predicted classes; cells are percentages of a row.`}
    >
      {records.length > 1 && (
        <label class="option">
          Protocol{' '}
          <select
            value={resultOf(record)}
            onChange={(event) => choose((event.currentTarget as HTMLSelectElement).value)}
          >
            {records.map((each) => (
              <option key={resultOf(each)} value={resultOf(each)}>
                {each.title}
                {labels && `, ${dataLabel(each)}`}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="confusion-layout">
        {confusion!.classes.length <= MOST_IN_TABLE ? (
          <MatrixTable {...confusion!} />
        ) : (
          <MatrixCanvas {...confusion!} />
        )}
        <MostConfused {...confusion!} />
        {classRecall && <ClassRecall classRecall={classRecall} />}
      </div>
    </Section>
  )
}

function MatrixTable({ classes, counts }: Matrix) {
  const sums = counts.map((row) => row.reduce((sum, count) => sum + count, 0) || 1)
  return (
    <Scroll label="Confusion matrix">
      <table class="confusion">
        <thead>
          <tr>
            <td />
            {classes.map((name) => (
              <th scope="col" key={name}>
                <span>{name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, i) => (
            <tr key={classes[i]}>
              <th scope="row">{classes[i]}</th>
              {row.map((count, j) => (
                <td
                  key={classes[j]}
                  class={i === j ? 'right' : 'wrong'}
                  style={{ '--part': (count / sums[i]!).toFixed(3) }}
                  title={`${number(count)} images of ${classes[i]} predicted as ${classes[j]}`}
                >
                  {count === 0 ? '' : Math.round((100 * count) / sums[i]!) || '·'}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

const SIDE = 480

function MatrixCanvas({ classes, counts }: Matrix) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [cell, setCell] = useState<readonly [number, number]>()
  useEffect(() => {
    const draw = () => {
      const element = canvas.current!
      const ratio = devicePixelRatio || 1
      element.width = SIDE * ratio
      element.height = SIDE * ratio
      const context = element.getContext('2d')!
      const side = (SIDE * ratio) / classes.length
      for (const [i, row] of counts.entries()) {
        const sum = row.reduce((sum, count) => sum + count, 0) || 1
        for (const [j, count] of row.entries()) {
          if (count === 0) continue
          context.globalAlpha = Math.min(1, 0.08 + 0.92 * (count / sum) ** 0.6)
          context.fillStyle = cssColor(i === j ? '--line-1' : '--line-2')
          context.fillRect(j * side, i * side, Math.ceil(side), Math.ceil(side))
        }
      }
    }
    draw()
    document.addEventListener(REPAINT, draw)
    return () => document.removeEventListener(REPAINT, draw)
  }, [classes, counts])
  const onPointerMove = ({ offsetX, offsetY, currentTarget }: PointerEvent) => {
    const { clientWidth } = currentTarget as HTMLCanvasElement
    const at = (offset: number) => Math.floor((offset / clientWidth) * classes.length)
    const [row, column] = [at(offsetY), at(offsetX)]
    setCell(counts[row]?.[column] === undefined ? undefined : [row, column])
  }
  return (
    <figure class="matrix">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Confusion matrix of ${classes.length} classes; a table of the most confused classes follows`}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setCell(undefined)}
      />
      <figcaption class="note">
        {cell
          ? `${classes[cell[0]]} predicted as ${classes[cell[1]]}: ${number(counts[cell[0]]![cell[1]]!)}`
          : 'Move the pointer over a cell to show its value.'}
      </figcaption>
    </figure>
  )
}

function MostConfused({ classes, counts }: Matrix) {
  const pairs = useMemo(() => mostConfused(counts), [counts])
  if (pairs.length === 0) return null
  return (
    <div class="confused">
      <h3>Most confused</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">true</th>
            <th scope="col">predicted</th>
            <th scope="col" class="figure">
              of the class
            </th>
          </tr>
        </thead>
        <tbody>
          {pairs.map(({ row, column, part }) => (
            <tr key={`${row} ${column}`}>
              <td>{classes[row]}</td>
              <td>{classes[column]}</td>
              <td class="figure">{percent(part)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Off-diagonal cells with the largest fractions of their rows. */
export function mostConfused(counts: Matrix['counts']): { row: number; column: number; part: number }[] {
  return counts
    .flatMap((line, row) => {
      const sum = line.reduce((sum, count) => sum + count, 0)
      return line.flatMap((count, column) =>
        count > 0 && row !== column ? [{ row, column, part: count / sum }] : [],
      )
    })
    .sort((a, b) => b.part - a.part)
    .slice(0, MOST_CONFUSED)
}
