/** A figure that a protocol found. */
export interface EvaluationValue {
  /** the metric, such as `accuracy` or `NMI` */
  readonly metric: string
  /** whose: the run's own features, or of what stands beside it, such as `random weights` or `raw pixels` */
  readonly features: string
  readonly value: number
  /** lower and upper end of an interval in which the value lies; at 95 % where nothing else is said */
  readonly interval?: readonly [number, number]
  /** `part` of 1 is shown in per cent */
  readonly unit?: 'part' | 'seconds' | 'steps' | 'count'
  readonly higherIsBetter?: boolean
}

/** A line chart: series of points [x, y], or [x, y, low, high] with an interval. */
export interface EvaluationChart {
  readonly title: string
  readonly x: { readonly label: string; readonly logarithmic?: boolean }
  readonly y: { readonly label: string; readonly part?: boolean }
  readonly series: readonly {
    readonly name: string
    readonly points: readonly (readonly [number, number] | readonly [number, number, number, number])[]
  }[]
}

/**
 * What one protocol found about a run, as plain JSON: `evaluation/PROTOCOL.json` in the run's folder. Protocols write it,
 * reports and comparisons read it. Positions are those in the dataset that `images` names.
 */
export interface EvaluationRecord {
  readonly version: 1
  /** name of the protocol, such as `linear-probe`, as on the command line */
  readonly protocol: string
  /** name of what is judged among the `features` of the values; what stands beside it has other names */
  readonly subject?: string
  /** one line for a heading */
  readonly title: string
  /** optimiser steps that the judged weights have behind them; 0 where that is not known */
  readonly step: number
  /** changes when the judged weights do: a record of other weights holds no more */
  readonly weights?: string
  readonly options: Readonly<Record<string, string | number | boolean | readonly number[]>>
  readonly images: Readonly<
    Record<
      'train' | 'test',
      { readonly source: string; readonly count: number; readonly fingerprint: string }
    >
  >
  /** names of the files in the run's `features` folder that hold the judged features, where they were kept */
  readonly features?: Readonly<Partial<Record<'train' | 'test', string>>>
  /** wall time of the protocol */
  readonly seconds: number
  /** the first is the headline */
  readonly values: readonly EvaluationValue[]
  readonly charts?: readonly EvaluationChart[]
  /** of test images: row is the true class, column the given one */
  readonly confusion?: {
    readonly classes: readonly string[]
    readonly counts: readonly (readonly number[])[]
  }
  /** some test images and the nearest others in the training or the test images, nearest first */
  readonly neighbours?: readonly {
    readonly query: number
    readonly nearest: readonly {
      readonly split: 'train' | 'test'
      readonly position: number
      readonly similarity: number
    }[]
  }[]
  /** clusters of test images: their members nearest the centre, first the nearest */
  readonly clusters?: readonly {
    readonly size: number
    readonly members: readonly number[]
    /** class that most members have */
    readonly mostly?: string
  }[]
}
