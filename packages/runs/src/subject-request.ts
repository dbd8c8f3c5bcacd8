import type { ImageDataset, ImageReading } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Features, RecordFacts, Subject } from '@selfsup/evaluation'

/** What to evaluate, and on which images. */
export interface SubjectRequest {
  /** the folder of a run or of an exported model; with given features, the folder for the results */
  readonly run: string
  /** images, or features as .npy */
  readonly train: string
  readonly test: string
  /** also evaluates random weights and raw pixels; default false */
  readonly baselines?: boolean
  /** a run pretrained on other images; trainings also start from its weights */
  readonly other?: string
  /** changes of how the run's images were read */
  readonly reading?: Partial<ImageReading>
  readonly limit?: number
  /** number of shares of the features that `shareOfFeatures` cached; they are joined instead of computed */
  readonly merge?: number
  readonly strict?: boolean
  readonly engine: Engine
  readonly signal?: AbortSignal
  /** called with notes for the user: classes left out, progress of a long extraction */
  readonly onNote?: (text: string) => void
}

/** An opened subject, with the facts for its records. */
export interface OpenedSubject {
  readonly subject: Subject
  readonly facts: RecordFacts
  /** folder of the records */
  readonly folder: string
  /** hash of the other run's weights; empty without another run */
  readonly otherWeights: string
  /** classes of the test images that are missing from the training images */
  readonly missing: readonly string[]
  readonly datasets: readonly ImageDataset[]
  close(): Promise<void>
}

/** Classes of the test images that are missing from the training images; reports them to `onNote`. */
export function missingClasses(
  { classes }: Pick<Features, 'classes'>,
  test: Pick<Features, 'classes'>,
  { onNote, ...request }: SubjectRequest,
): string[] {
  const missing = classes ? (test.classes ?? []).filter((name) => !classes.includes(name)) : []
  if (missing.length > 0) {
    const more = missing.length > 5 ? `, and ${missing.length - 5} more` : ''
    onNote?.(
      `Classes of ${request.test} that ${request.train} does not contain are left out: ${missing.slice(0, 5).join(', ')}${more}`,
    )
  }
  return missing
}

/** The columns of values that both splits have. */
export function columnsOfBoth(
  train: Readonly<Record<string, Float64Array>>,
  test: Readonly<Record<string, Float64Array>>,
): Subject['values'] {
  const names = Object.keys(train).filter((name) => Object.hasOwn(test, name))
  return Object.fromEntries(names.map((name) => [name, { train: train[name]!, test: test[name]! }]))
}
