import { useMemo, useState } from 'preact/hooks'
import type { Line } from '../../../report/src/page/chart-data.js'
import { LineChart } from '../../../report/src/page/line-chart.js'
import { NEIGHBOURS } from '../messages.js'
import { methodTexts } from '../method-texts.js'
import { MapView } from './map-view.js'
import type { PageState } from './state.js'
import { Thumb } from './thumb.js'
import type { Send } from './use-worker.js'

interface Props {
  readonly state: PageState
  readonly send: Send
}

/** The run: progress, curves, neighbours and map. */
export function LearningStep({ state, send }: Props) {
  const { curve, looks, alarms } = state
  const [picked, setPicked] = useState<number>()
  const selected = picked !== undefined && state.watched.includes(picked) ? picked : (state.watched[0] ?? 0)
  return (
    <section id="learning" aria-labelledby="learning-title">
      <h2 id="learning-title">
        <span class="number">3</span> Learning
      </h2>
      <Progress {...{ state, send }} />
      {alarms.length > 0 && (
        <ul class="warnings" role="alert">
          {alarms.map((alarm) => (
            <li key={alarm}>{alarm}</li>
          ))}
        </ul>
      )}
      <Neighbours state={state} selected={selected} onSelect={setPicked} />
      <div class="charts">
        <MapView state={state} selected={selected} onSelect={setPicked} />
        <Curves curve={curve} looks={looks} />
      </div>
    </section>
  )
}

function Progress({ state: { run, images }, send }: Props) {
  const { state, step, totalSteps, imagesPerSecond, secondsLeft, choice } = run
  const title = methodTexts.find(({ name }) => name === choice?.method)?.title
  const part = totalSteps > 0 ? step / totalSteps : 0
  const words = {
    none: 'Starting',
    training: step === 0 ? 'Preparing the first step' : 'Learning',
    paused: 'Paused',
    finished: 'Finished',
  }[state]
  return (
    <div class="panel progress-panel">
      <div class="panel-head">
        <p>
          <b class="run-state" data-state={state} role="status">
            {words}
          </b>{' '}
          <span class="muted">
            {title} on {images?.count.toLocaleString('en')} images · step {step.toLocaleString('en')} of{' '}
            {totalSteps.toLocaleString('en')}
            {state === 'training' &&
              imagesPerSecond !== undefined &&
              ` · ${Math.round(imagesPerSecond).toLocaleString('en')} images/s`}
            {state === 'training' && secondsLeft !== undefined && ` · ${timeLeft(secondsLeft)} left`}
          </span>
        </p>
        <div class="row">
          {(state === 'training' || (state === 'paused' && choice)) && (
            // One button for both, so that it keeps the focus.
            <button
              type="button"
              id={state === 'training' ? 'pause' : 'continue'}
              class={state === 'training' ? '' : 'primary'}
              onClick={() =>
                send(state === 'training' ? { type: 'pause' } : { type: 'start', choice: choice! })
              }
            >
              {state === 'training' ? 'Pause' : 'Continue'}
            </button>
          )}
          {(state === 'paused' || state === 'finished') && (
            <button
              type="button"
              class="quiet"
              onClick={() => confirm('Forget what was learned?') && send({ type: 'forget-run' })}
            >
              Start over
            </button>
          )}
        </div>
      </div>
      <div
        class="meter"
        role="progressbar"
        aria-label="Steps"
        aria-valuemin={0}
        aria-valuemax={totalSteps}
        aria-valuenow={step}
      >
        <i style={{ width: `${100 * part}%` }} />
      </div>
      {state === 'training' && (
        <p class="note">You can close the page at any time: it continues from here when you open it again.</p>
      )}
    </div>
  )
}

function timeLeft(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const percent = (y: number) => `${Number((100 * y).toFixed(1))} %`

/** Images that can be chosen below the neighbours. */
const CHOICES = 12

interface NeighboursProps {
  readonly state: PageState
  readonly selected: number
  readonly onSelect: (index: number) => void
}

function Neighbours({ state: { watched, looks, images }, selected, onSelect }: NeighboursProps) {
  const choices = useMemo(
    () =>
      watched.filter((_, i) => i % Math.max(1, Math.floor(watched.length / CHOICES)) === 0).slice(0, CHOICES),
    [watched],
  )
  const row = watched.indexOf(selected)
  const [first, last] = [looks[0], looks.at(-1)]
  const labelOf = (index: number) => images?.paths[index] ?? ''
  const kindOf = (index: number) => {
    const label = images?.labels?.[index]
    return label === undefined || label < 0 ? undefined : images?.kinds?.[label]
  }
  const others = (look: typeof first) =>
    look?.neighbours.slice(row * NEIGHBOURS, (row + 1) * NEIGHBOURS) ?? []
  return (
    <div class="panel">
      <h3>What looks alike to the network?</h3>
      <p class="note">
        Click an image. Its most similar images are found by what the network has learned
        {images?.kinds ? '; a green mark is the same kind' : ''}.
      </p>
      {first?.sameKind !== undefined && last?.sameKind !== undefined && (
        <p id="same-kind" class="same-kind">
          Of all neighbours, <b>{percent(last.sameKind)}</b> are of the same kind
          {last !== first && `, ${percent(first.sameKind)} before learning`}.
        </p>
      )}
      {first ? (
        <div class="compare">
          <div class="compare-query">
            <span class="row-label">Image</span>
            <div class="selected-image">
              <Thumb index={selected} label={labelOf(selected)} />
            </div>
          </div>
          <div class="compare-rows">
            {[
              ['Before learning', first],
              [last === first ? 'Now' : `Now, after ${last!.step.toLocaleString('en')} steps`, last],
            ].map(([title, look]) => (
              <div key={String(title).slice(0, 3)} class="compare-row" data-row={String(title).slice(0, 3)}>
                <span class="row-label">{title as string}</span>
                <div class="neighbour-row">
                  {others(look as typeof first).map((index, i) => (
                    <span
                      key={`${i}-${index}`}
                      class={kindOf(index) !== undefined && kindOf(index) === kindOf(selected) ? 'same' : ''}
                    >
                      <Thumb
                        index={index}
                        label={[labelOf(index), kindOf(index)].filter(Boolean).join(', ')}
                        onClick={watched.includes(index) ? () => onSelect(index) : undefined}
                      />
                    </span>
                  ))}
                </div>
              </div>
            ))}
          </div>
        </div>
      ) : (
        <p class="muted waiting">The first look at the images comes in a moment.</p>
      )}
      <fieldset class="strip choose">
        <legend class="unseen">Images to choose from</legend>
        {choices.map((index) => (
          <Thumb
            key={index}
            index={index}
            label={labelOf(index)}
            pressed={index === selected}
            onClick={() => onSelect(index)}
          />
        ))}
      </fieldset>
    </div>
  )
}

interface CurvesProps {
  readonly curve: PageState['curve']
  readonly looks: PageState['looks']
}

function Curves({ curve, looks }: CurvesProps) {
  const lines = useMemo(() => {
    const spread = curve.filter((point) => point.spread !== undefined)
    const kinds = looks.filter((look) => look.sameKind !== undefined)
    const line = <Point extends { readonly step: number }>(
      name: string,
      color: number,
      of: readonly Point[],
      value: (point: Point) => number,
      points = false,
    ): Line[] =>
      of.length > 0 ? [{ name, color, x: of.map(({ step }) => step), y: of.map(value), points }] : []
    return {
      loss: line('loss', 0, curve, ({ loss }) => loss),
      spread: line('spread', 2, spread, (point) => point.spread!),
      kinds: line('same kind', 3, kinds, (look) => look.sameKind!, true),
    }
  }, [curve, looks])
  return (
    <>
      {lines.kinds.length > 0 && (
        <LineChart
          title="Neighbours of the same kind"
          note="How many of the most similar images are of the same kind. The network never sees the kinds."
          xLabel="step"
          lines={lines.kinds}
          format={percent}
        />
      )}
      {lines.loss.length > 0 && (
        <LineChart
          title="Loss"
          note="How far the network is from what the method asks. It should fall, then level off."
          xLabel="step"
          lines={lines.loss}
        />
      )}
      {lines.spread.length > 0 && (
        <LineChart
          title="Spread"
          note="How different the descriptions of different images are. Near 0 they have collapsed: all images look the same to the network."
          xLabel="step"
          lines={lines.spread}
        />
      )}
    </>
  )
}
