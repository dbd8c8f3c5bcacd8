import type {
  Choice,
  CurvePoint,
  Found,
  ImagesInfo,
  Look,
  Problem,
  Report,
  RunState,
  Weights,
} from '../messages.js'

/** What the page shows. */
export interface PageState {
  readonly engine?: {
    readonly name: string
    readonly description: string
    readonly missing: readonly { readonly title: string; readonly reason: string }[]
  }
  /** whether the worker has opened what it keeps */
  readonly ready: boolean
  readonly progress?: { readonly what: string; readonly done: number; readonly total: number }
  readonly problem?: Problem
  readonly images?: ImagesInfo
  readonly run: {
    readonly state: RunState
    readonly choice?: Choice
    readonly step: number
    readonly totalSteps: number
    readonly imagesPerSecond?: number
    readonly secondsLeft?: number
  }
  readonly curve: readonly CurvePoint[]
  readonly looks: readonly Look[]
  readonly watched: readonly number[]
  readonly features?: { readonly step: number; readonly values: Float32Array; readonly width: number }
  readonly weights?: Weights
  readonly alarms: readonly string[]
  readonly found?: { readonly of: number | string; readonly images: readonly Found[] }
  readonly clusters?: readonly (readonly number[])[]
  readonly duplicates?: readonly { readonly images: readonly number[]; readonly similarity: number }[]
}

/** The page before the worker answers. */
export const INITIAL: PageState = {
  ready: false,
  run: { state: 'none', step: 0, totalSteps: 0 },
  curve: [],
  looks: [],
  watched: [],
  alarms: [],
}

/** Points of a curve that are kept; more are not visible. */
const MOST_POINTS = 2000

/** Nothing that was found with other weights or images. */
const NOTHING_FOUND = { found: undefined, clusters: undefined, duplicates: undefined } as const

/** The page after a report of the worker, or `'dismiss'` of a problem by the user. */
export function after(state: PageState, report: Report | { readonly type: 'dismiss' }): PageState {
  switch (report.type) {
    case 'dismiss':
      return { ...state, problem: undefined }
    case 'engine':
      return { ...state, engine: report }
    case 'ready':
      return { ...state, ready: true, progress: undefined }
    case 'progress':
      return { ...state, problem: undefined, progress: report.done < report.total ? report : undefined }
    case 'problem':
      return { ...state, ready: true, progress: undefined, problem: report.problem }
    case 'images':
      return {
        ...state,
        ...NOTHING_FOUND,
        ready: true,
        progress: undefined,
        problem: undefined,
        images: report.info,
        features: undefined,
      }
    case 'run': {
      const { state: runState, choice, step, totalSteps, curve, looks, watched } = report
      const fresh = runState === 'none' || (runState === 'training' && step === 0)
      return {
        ...state,
        ...(runState === 'training' || fresh ? NOTHING_FOUND : {}),
        ...(fresh && { alarms: [], features: undefined }),
        run: { ...state.run, state: runState, choice, step, totalSteps },
        ...(curve && { curve: curve.slice(-MOST_POINTS) }),
        ...(looks && { looks }),
        ...(watched && { watched }),
      }
    }
    case 'steps': {
      const { points, totalSteps, imagesPerSecond, secondsLeft } = report
      const step = points.at(-1)?.step ?? state.run.step
      return {
        ...state,
        curve: [...state.curve, ...points].slice(-MOST_POINTS),
        run: { ...state.run, step, totalSteps, imagesPerSecond, secondsLeft },
      }
    }
    case 'look': {
      const { look, features, width } = report
      // The neighbours of the first and the last look alone are shown.
      const others = state.looks
        .filter(({ step }) => step !== look.step)
        .map((other, i) => (i === 0 ? other : { ...other, neighbours: [] }))
      return { ...state, looks: [...others, look], features: { step: look.step, values: features, width } }
    }
    case 'weights':
      return { ...state, problem: undefined, weights: report.weights }
    case 'alarm':
      return { ...state, alarms: [...new Set([...state.alarms, report.message])] }
    case 'found':
      return { ...state, found: report, progress: undefined }
    case 'clusters':
      return { ...state, clusters: report.clusters, progress: undefined }
    case 'duplicates':
      return { ...state, duplicates: report.groups, progress: undefined }
    default:
      return state
  }
}
