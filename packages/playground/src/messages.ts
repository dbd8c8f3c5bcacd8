/** A file that the user chose, with its path within the chosen folder. */
export interface PickedFile {
  readonly path: string
  readonly file: File
}

/** What the user chose to train. */
export interface Choice {
  /** name in `methods` */
  readonly method: string
  readonly network: 'small' | 'medium'
  readonly steps: number
  /** name of the file of weights that it starts from, instead of a network with random weights */
  readonly weights?: string
}

/** What the page asks of the worker. */
export type Request =
  | { readonly type: 'hello'; readonly engine: string }
  /** a part of many files, before `open` with the rest; `first` forgets those before */
  | { readonly type: 'files'; readonly files: readonly PickedFile[]; readonly first: boolean }
  | { readonly type: 'open'; readonly files: readonly PickedFile[] }
  | { readonly type: 'drawn'; readonly count: number }
  | { readonly type: 'start'; readonly choice: Choice }
  | { readonly type: 'weights'; readonly file: File | undefined }
  | { readonly type: 'pause' }
  | { readonly type: 'forget-run' }
  | { readonly type: 'forget-all' }
  | { readonly type: 'search'; readonly of: number | File }
  | { readonly type: 'cluster'; readonly count: number }
  | { readonly type: 'duplicates' }
  | { readonly type: 'download'; readonly what: Download; readonly names: readonly string[] }

export type Download = 'backbone' | 'features' | 'run'

/** A sentence about something that went wrong, and what to do. */
export interface Problem {
  readonly message: string
  readonly fix?: string
}

/** What the worker knows about the images; their pixels come before, in parts. */
export interface ImagesInfo {
  readonly name: string
  readonly count: number
  /** side of each image in pixels */
  readonly size: number
  readonly paths: readonly string[]
  /** kind of each image, -1 if unknown; absent if no image has one */
  readonly labels?: readonly number[]
  readonly kinds?: readonly string[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
  /** sentences about the images, most severe first */
  readonly warnings: readonly string[]
  /** of each method: whether it suits the images, and why */
  readonly verdicts: Readonly<Record<string, { readonly verdict: string; readonly why: string }>>
}

/** Features of the watched images at a step, and what they say. */
export interface Look {
  readonly step: number
  /** nearest other images of each watched image: rows of `NEIGHBOURS` positions in the dataset */
  readonly neighbours: readonly number[]
  /** fraction of the neighbours that are of the same kind; absent without kinds */
  readonly sameKind?: number
}

/** A point of the learning curves. */
export interface CurvePoint {
  readonly step: number
  readonly loss: number
  readonly spread?: number
}

export type RunState = 'none' | 'training' | 'paused' | 'finished'

/** An image that was found, with its cosine similarity. */
export interface Found {
  readonly index: number
  readonly similarity: number
}

/** What the worker tells the page. */
export type Report =
  | {
      readonly type: 'engine'
      readonly name: string
      readonly description: string
      readonly missing: readonly { readonly title: string; readonly reason: string }[]
    }
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly what: string; readonly done: number; readonly total: number }
  | {
      readonly type: 'pixels'
      /** position of the first image, and number of all images */
      readonly start: number
      readonly count: number
      readonly size: number
      readonly data: Uint8Array
    }
  | { readonly type: 'images'; readonly info: ImagesInfo | undefined }
  | { readonly type: 'problem'; readonly problem: Problem }
  | {
      readonly type: 'run'
      readonly state: RunState
      readonly choice?: Choice
      readonly step: number
      readonly totalSteps: number
      /** all points so far */
      readonly curve?: readonly CurvePoint[]
      readonly looks?: readonly Look[]
      /** positions of the watched images in the dataset */
      readonly watched?: readonly number[]
    }
  | {
      readonly type: 'steps'
      readonly points: readonly CurvePoint[]
      readonly totalSteps: number
      readonly imagesPerSecond: number
      readonly secondsLeft?: number
    }
  | { readonly type: 'look'; readonly look: Look; readonly features: Float32Array; readonly width: number }
  | { readonly type: 'weights'; readonly weights: Weights | undefined }
  | { readonly type: 'alarm'; readonly message: string }
  | { readonly type: 'found'; readonly of: number | string; readonly images: readonly Found[] }
  | { readonly type: 'clusters'; readonly clusters: readonly (readonly number[])[] }
  | {
      readonly type: 'duplicates'
      readonly groups: readonly { readonly images: readonly number[]; readonly similarity: number }[]
    }
  | { readonly type: 'file'; readonly name: string; readonly data: Blob }

/** A file of weights to start from. */
export interface Weights {
  readonly name: string
  /** such as `resnet18, 11.2 million weights` */
  readonly about: string
}

/** Neighbours that are shown of an image. */
export const NEIGHBOURS = 8
