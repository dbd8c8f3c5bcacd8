import type { ImageDataset } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Features, RecordFacts, Subject } from '@selfsup/evaluation'

/** What is to be evaluated, and on which images. */
export interface SubjectRequest {
  /** the folder of a run or of an exported model; with given features, the folder for the results */
  readonly run: string
  /** images, or features as .npy */
  readonly train: string
  readonly test: string
  /** random weights and raw pixels too; default false */
  readonly baselines?: boolean
  /** a run on other images, from whose weights training begins too */
  readonly other?: string
  readonly limit?: number
  readonly strict?: boolean
  readonly engine: Engine
  readonly signal?: AbortSignal
  /** told what a person should know: classes left out, how far a long extraction is */
  readonly onNote?: (text: string) => void
}

/** A subject with what its records say of it. */
export interface OpenedSubject {
  readonly subject: Subject
  readonly facts: RecordFacts
  /** folder in which records lie */
  readonly folder: string
  /** changes when the other run's weights do */
  readonly otherWeights: string
  /** classes of the test images that are missing from the training images */
  readonly missing: readonly string[]
  readonly datasets: readonly ImageDataset[]
  close(): Promise<void>
}

/** Classes of the test images that are missing from the training images; noted. */
export function missingClasses(
  { classes }: Pick<Features, 'classes'>,
  test: Pick<Features, 'classes'>,
  { onNote, ...request }: SubjectRequest,
): string[] {
  const missing = classes ? (test.classes ?? []).filter((name) => !classes.includes(name)) : []
  if (missing.length > 0) {
    const more = missing.length > 5 ? `, and ${missing.length - 5} more` : ''
    onNote?.(
      `Of ${request.test} these classes are left out, as ${request.train} has none of them: ${missing.slice(0, 5).join(', ')}${more}`,
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
