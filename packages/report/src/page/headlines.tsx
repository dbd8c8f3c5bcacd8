import type { EvaluationRecord } from '@selfsup/run-folder'
import type { RunView } from '../page-data.js'
import { dataLabel, needsLabels, onTraining, ordered, resultOf } from './evaluated-data.js'
import { duration, figure, interval, number, percent, short } from './format.js'
import { Section } from './section.js'

/** Baselines of a card: random weights, raw pixels, the most frequent class. */
const MOST_BASELINES = 3
/** Maximum number of protocols with a headline card. */
const MOST_CARDS = 8

/** The most important metrics of a run. */
export function Headlines({ run }: { readonly run: RunView }) {
  const { spread } = run.latest
  const records = ordered(run.evaluations)
  const main = records.filter((record) => onTraining(record) === 0).slice(0, MOST_CARDS)
  const aside = records.filter((record) => onTraining(record) > 0).slice(0, MOST_CARDS)
  const labels = needsLabels(main)
  return (
    <Section id="headlines" title="Headline metrics">
      <div class="cards">
        {main.map((record) => (
          <Card key={resultOf(record)} record={record} about={labels ? dataLabel(record) : undefined} />
        ))}
        {run.evaluations.length === 0 && run.latest.loss !== undefined && (
          <Figure name="Loss" value={number(run.latest.loss)} />
        )}
        {spread !== undefined && (
          <Figure
            name="Spread of features"
            value={spread.toFixed(2)}
            note={
              spread < 0.1
                ? 'near 0: the features have collapsed'
                : '1: evenly spread; 0: collapsed to a point'
            }
            bad={spread < 0.1}
          />
        )}
        <Figure name="Steps" value={progress(run)} note={stateNote(run)} />
        {run.seconds !== undefined && (
          <Figure
            name="Training time"
            value={duration(run.seconds)}
            note={run.imagesPerSecond && `${short(Math.round(run.imagesPerSecond))} images/s`}
          />
        )}
        {run.parameters !== undefined && (
          <Figure name="Parameters of the backbone" value={short(run.parameters)} />
        )}
      </div>
      {aside.length > 0 && (
        <>
          <p class="note">
            Tested on images that the probe was trained on. These results say little about other images.
          </p>
          <div class="cards">
            {aside.map((record) => (
              <Card key={resultOf(record)} record={record} about={dataLabel(record)} />
            ))}
          </div>
        </>
      )}
    </Section>
  )
}

interface CardProps {
  readonly record: EvaluationRecord
  /** the test images, if they must be named */
  readonly about?: string
}

function Card({ record, about }: CardProps) {
  const [headline, ...others] = record.values
  const { metric, value, unit } = headline!
  const baselines = others
    .filter((other) => other.metric === metric && other.features !== headline!.features)
    .slice(0, MOST_BASELINES)
  return (
    <div class="card">
      <h3>{record.title}</h3>
      <p class="value">{figure(value, unit)}</p>
      <p class="metric">
        {metric}
        {interval(headline!) && `, ${interval(headline!)}`}
      </p>
      {about && <p class="metric">{about}</p>}
      {baselines.length > 0 && (
        <ul class="baselines">
          {baselines.map((other) => (
            <li key={other.features}>
              {other.features} <b>{figure(other.value, other.unit)}</b>
            </li>
          ))}
        </ul>
      )}
      {unit === 'part' && (
        <div class="bar" aria-hidden="true">
          <i style={{ width: percent(Math.min(1, Math.max(0, value))).replace('\u202f', '') }} />
          {baselines.map((other) => (
            <s key={other.features} style={{ left: `${100 * Math.min(1, Math.max(0, other.value))}%` }} />
          ))}
        </div>
      )}
    </div>
  )
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly note?: string | 0
  readonly bad?: boolean
}

function Figure({ name, value, note, bad }: FigureProps) {
  return (
    <div class={bad ? 'card bad' : 'card'}>
      <h3>{name}</h3>
      <p class="value">{value}</p>
      {note && <p class="metric">{note}</p>}
    </div>
  )
}

function progress({ step, totalSteps }: RunView): string {
  return totalSteps === undefined || step >= totalSteps
    ? number(step)
    : `${Math.floor((100 * step) / totalSteps)}\u202f%`
}

function stateNote({ state, step, totalSteps, stepsPerEpoch }: RunView): string {
  const epochs = stepsPerEpoch ? `${Number((step / stepsPerEpoch).toFixed(1))} epochs` : ''
  const part =
    totalSteps === undefined || step >= totalSteps ? '' : `${number(step)} of ${number(totalSteps)}`
  return [state, part, epochs].filter(Boolean).join(', ')
}
