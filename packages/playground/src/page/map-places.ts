import type { FeatureRows } from '../../../report/src/place-features.js'

interface Answer {
  readonly places?: { readonly x: number[]; readonly y: number[] }
  readonly problem?: string
}

type Waiting = readonly [FeatureRows, (answer: Answer) => void]

let worker: Worker | undefined
let busy = false
let waiting: Waiting | undefined

/** Loads the worker that places features on a map, so that nothing is loaded later. */
export function startMapWorker(): void {
  worker = new Worker(new URL('../worker/map-worker.ts', import.meta.url), { type: 'module' })
}

/** Places features on a map, one map at a time: of those that wait, only the last is computed. */
export function placeFeatures(rows: FeatureRows, onAnswer: (answer: Answer) => void): void {
  if (busy) {
    waiting = [rows, onAnswer]
    return
  }
  busy = true
  worker!.onmessage = ({ data }: MessageEvent<Answer>) => {
    busy = false
    onAnswer(data)
    const next = waiting
    waiting = undefined
    if (next) placeFeatures(...next)
  }
  worker!.postMessage(rows)
}
