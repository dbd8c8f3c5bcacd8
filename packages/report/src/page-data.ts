import type { EvaluationRecord } from '@selfsup/run-folder'

/** One measured quantity over the steps, thinned where there were too many: then mean, lowest and highest of neighbours. */
export interface Curve {
  readonly name: string
  /** steps, rising */
  readonly x: readonly number[]
  readonly y: readonly number[]
  readonly low?: readonly number[]
  readonly high?: readonly number[]
}

/** Small pictures side by side in one image, row after row. */
export interface Atlas {
  /** a data: address */
  readonly src: string
  readonly columns: number
  readonly rows: number
  /** side of one picture in pixels */
  readonly cell: number
  /** of the dataset */
  readonly fingerprint: string
  /** position in the dataset of each picture */
  readonly positions: readonly number[]
  /** class number of each picture, -1 where it has none */
  readonly labels: readonly number[]
  readonly classes?: readonly string[]
}

/** Features of test images as points in a plane. */
export interface EmbeddingMap {
  /** how the points were placed, such as `UMAP` */
  readonly method: string
  /** of how many features per image */
  readonly width: number
  /** each 0..4095 */
  readonly x: readonly number[]
  readonly y: readonly number[]
  /** position in the test images of each point */
  readonly positions: readonly number[]
  /** class number of each point, -1 where it has none */
  readonly labels: readonly number[]
  readonly classes?: readonly string[]
}

/** A sheet of pictures that a run wrote down. */
export interface Sheet {
  /** optimiser steps done when it was made */
  readonly step?: number
  readonly src: string
}

/** What takes time to make: pictures and maps. */
export interface RunDetails {
  readonly map?: EmbeddingMap
  readonly thumbnails?: Readonly<Partial<Record<'train' | 'test', Atlas>>>
  readonly sheets?: readonly { readonly name: string; readonly sheets: readonly Sheet[] }[]
  /** why something is missing, in words */
  readonly notes: readonly string[]
}

export type RunState = 'finished' | 'running' | 'stopped' | 'unreadable'

/** A run as a page shows it. */
export interface RunView {
  /** unique on the page */
  readonly id: string
  /** shown to people: the folder */
  readonly name: string
  /** the folder as it stands in a command line */
  readonly folder: string
  readonly state: RunState
  readonly method?: string
  readonly backbone?: string
  /** what its network sees: side in pixels, channels */
  readonly pictures?: { readonly size: number; readonly channels: 1 | 3 }
  readonly step: number
  readonly totalSteps?: number
  readonly stepsPerEpoch?: number
  /** trainable numbers of the backbone */
  readonly parameters?: number
  /** spent on training steps, pauses left out */
  readonly seconds?: number
  readonly imagesPerSecond?: number
  /** newest value of each curve */
  readonly latest: Readonly<Record<string, number>>
  /** of the newest file, ms since 1970 */
  readonly updated: number
  /** changes when what its details are made from does */
  readonly stamp: string
  /** what it was made of, as [name, value] */
  readonly facts: readonly (readonly [string, string])[]
  /** what could not be read, in words */
  readonly problems: readonly string[]
  /** in a summary without charts, confusion, neighbours and clusters */
  readonly evaluations: readonly EvaluationRecord[]
  /** absent in a summary */
  readonly curves?: readonly Curve[]
  readonly details?: RunDetails
}

/** All that a page is made from. */
export interface PageData {
  readonly title: string
  /** when it was made, ms since 1970 */
  readonly made: number
  /** whether it follows its runs over a connection */
  readonly live: boolean
  readonly runs: readonly RunView[]
}
