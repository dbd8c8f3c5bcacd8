import type { EvaluationRecord } from '@selfsup/run-folder'

/** A logged quantity over the steps. Long curves are thinned: then each point has the mean, minimum and maximum of a bucket. */
export interface Curve {
  readonly name: string
  /** steps, ascending */
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly low?: readonly number[]
  readonly high?: readonly number[]
}

/** Thumbnails in one image, in rows. */
export interface Atlas {
  /** data: URL */
  readonly src: string
  readonly columns: number
  readonly rows: number
  /** side of a thumbnail in pixels */
  readonly cell: number
  /** fingerprint of the dataset */
  readonly fingerprint: string
  /** position in the dataset of each thumbnail */
  readonly positions: readonly number[]
  /** class number of each image, -1 if it has none */
  readonly labels: readonly number[]
  readonly classes?: readonly string[]
}

/** Features of test images as points in the plane. */
export interface EmbeddingMap {
  /** how the points were placed, such as `UMAP` */
  readonly method: string
  /** number of features per image */
  readonly width: number
  /** coordinates of each point, 0..4095 */
  readonly x: readonly number[]
  readonly y: readonly number[]
  /** position of each point's image in the test set */
  readonly positions: readonly number[]
  /** class number of each point, -1 if it has none */
  readonly labels: readonly number[]
  readonly classes?: readonly string[]
}

/** A sheet of images that a run saved. */
export interface Sheet {
  /** optimiser step at which it was saved */
  readonly step?: number
  readonly src: string
}

/** Parts of a page that take time to compute: images and maps. */
export interface RunDetails {
  readonly map?: EmbeddingMap
  readonly thumbnails?: Readonly<Partial<Record<'train' | 'test', Atlas>>>
  readonly sheets?: readonly { readonly name: string; readonly sheets: readonly Sheet[] }[]
  /** reasons for missing parts */
  readonly notes: readonly string[]
}

export type RunState = 'finished' | 'running' | 'stopped' | 'unreadable'

/** A run as a page shows it. */
export interface RunView {
  /** unique on the page */
  readonly id: string
  /** display name: the folder */
  readonly name: string
  /** the folder, as it is used in a command line */
  readonly folder: string
  readonly state: RunState
  readonly method?: string
  readonly backbone?: string
  /** the network's input: side in pixels, channels */
  readonly images?: { readonly size: number; readonly channels: number }
  readonly step: number
  readonly totalSteps?: number
  readonly stepsPerEpoch?: number
  /** number of trainable parameters of the backbone */
  readonly parameters?: number
  /** time spent on training steps, without pauses */
  readonly seconds?: number
  readonly imagesPerSecond?: number
  /** newest value of each curve */
  readonly latest: Readonly<Record<string, number>>
  /** modification time of the newest file, ms since 1970 */
  readonly updated: number
  /** changes whenever the inputs of the details change */
  readonly stamp: string
  /** settings, as [name, value] */
  readonly facts: readonly (readonly [string, string])[]
  /** files that could not be read, with the reason */
  readonly problems: readonly string[]
  /** without charts, confusion matrix, neighbours and clusters in a summary */
  readonly evaluations: readonly EvaluationRecord[]
  /** absent in a summary */
  readonly curves?: readonly Curve[]
  readonly details?: RunDetails
}

/** All data of a page. */
export interface PageData {
  readonly title: string
  /** creation time, ms since 1970 */
  readonly made: number
  /** whether the page follows its runs over a connection */
  readonly live: boolean
  readonly runs: readonly RunView[]
}
