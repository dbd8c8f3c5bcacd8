import type { ImageDataset } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Features, RecordFacts, Subject } from '@selfsup/evaluation'
import type { ProgressView } from '../progress.js'

/** What is to be judged, and how. */
export interface Asked {
  /** a run's folder, an exported model's, or, with features, the folder for what is found */
  readonly run: string
  /** images, or features as .npy */
  readonly train: string
  readonly test: string
  readonly baselines: boolean
  /** a run on other images */
  readonly other?: string
  readonly limit?: number
  readonly strict?: boolean
  readonly engine: Engine
  readonly view: ProgressView
  readonly signal: AbortSignal
}

/** A subject with what its records say of it. */
export interface Opened {
  readonly subject: Subject
  readonly facts: RecordFacts
  /** folder in which records lie */
  readonly folder: string
  /** changes when the other run's weights do */
  readonly otherWeights: string
  /** classes of the test images that the training images lack */
  readonly missing: readonly string[]
  readonly datasets: readonly ImageDataset[]
  close(): Promise<void>
}

/** Classes of the test images that the training images lack, having told of them. */
export function missingClasses(
  { classes }: Pick<Features, 'classes'>,
  test: Pick<Features, 'classes'>,
  { view, ...asked }: Asked,
): string[] {
  const missing = classes ? (test.classes ?? []).filter((name) => !classes.includes(name)) : []
  if (missing.length > 0) {
    const more = missing.length > 5 ? `, and ${missing.length - 5} more` : ''
    view.note(
      `Of ${asked.test} these classes are left out, as ${asked.train} has none of them: ${missing.slice(0, 5).join(', ')}${more}`,
    )
  }
  return missing
}

/** Numbers by name that are known of both parts. */
export function columnsOfBoth(
  train: Readonly<Record<string, Float64Array>>,
  test: Readonly<Record<string, Float64Array>>,
): Subject['values'] {
  const names = Object.keys(train).filter((name) => Object.hasOwn(test, name))
  return Object.fromEntries(names.map((name) => [name, { train: train[name]!, test: test[name]! }]))
}
