/** A value that a protocol measured. */
export interface EvaluationValue {
  /** the metric, such as `accuracy` or `NMI` */
  readonly metric: string
  /** name of the features: the run's own, or a baseline such as `random weights` or `raw pixels` */
  readonly features: string
  readonly value: number
  /** lower and upper end of the confidence interval; 95 % unless stated otherwise */
  readonly interval?: readonly [number, number]
  /** `part`: a fraction of 1, shown as a percentage */
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

/** Images of an evaluation. */
export interface EvaluatedImages {
  /** folder or file */
  readonly source: string
  /** number of images that were used */
  readonly count: number
  /** of the whole dataset */
  readonly fingerprint: string
  /** of test images: how many of them are training images too, if that is known */
  readonly inTraining?: number
}

/**
 * Result of one protocol for a run on some images, as plain JSON: `evaluation/PROTOCOL.DATA.json` in the run's folder, where
 * DATA is the key that `evaluatedData` makes of `images`. Protocols write it; reports and comparisons read it. Positions
 * refer to the dataset that `images` names.
 */
export interface EvaluationRecord {
  readonly version: 1
  /** name of the protocol as on the command line, such as `linear-probe` */
  readonly protocol: string
  /** name of the evaluated features among the `features` of the values; baselines have other names */
  readonly subject?: string
  /** heading, one line */
  readonly title: string
  /** training steps of the evaluated weights; 0 if unknown */
  readonly step: number
  /** hash of the evaluated weights: a record of other weights is no longer valid */
  readonly weights?: string
  readonly options: Readonly<Record<string, string | number | boolean | readonly number[]>>
  readonly images: Readonly<Record<'train' | 'test', EvaluatedImages>>
  /** names of the files with the evaluated features in the run's `features` folder, if they were saved */
  readonly features?: Readonly<Partial<Record<'train' | 'test', string>>>
  /** wall time of the protocol */
  readonly seconds: number
  /** the first is the main result */
  readonly values: readonly EvaluationValue[]
  readonly charts?: readonly EvaluationChart[]
  /** confusion matrix of the test images: rows are true classes, columns predicted classes */
  readonly confusion?: {
    readonly classes: readonly string[]
    readonly counts: readonly (readonly number[])[]
  }
  /** recall of each class of the test images with the subject's features, mean over seeds */
  readonly classRecall?: readonly {
    readonly name: string
    /** number of test images */
    readonly count: number
    /** fraction of them that were recognised, 0..1 */
    readonly recall: number
  }[]
  /** some test images with their nearest training or test images, nearest first */
  readonly neighbours?: readonly {
    readonly query: number
    readonly nearest: readonly {
      readonly split: 'train' | 'test'
      readonly position: number
      readonly similarity: number
    }[]
  }[]
  /** clusters of test images, with the members nearest the centre, nearest first */
  readonly clusters?: readonly {
    readonly size: number
    readonly members: readonly number[]
    /** most frequent class of the members */
    readonly mostly?: string
  }[]
}
