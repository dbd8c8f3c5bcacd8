import type { SplitFeatures, Subject } from '../protocol.js'

/** Why classes can't be told apart: too few of them. */
export function lacksClasses({ train, test }: Subject): string | undefined {
  const classes = new Set(train.labels.filter((label) => label >= 0))
  if (classes.size < 2) return 'the training images have fewer than two classes'
  return test.labels.some((label) => classes.has(label))
    ? undefined
    : 'no test image has a class that the training images have'
}

/** Why there is nothing to train. */
export function lacksPictures(subject: Subject): string | undefined {
  if (!subject.pictures) return 'only features were given, no network and no pictures'
  return lacksClasses(subject)
}

/** The run's features, then what stands beside them. */
export function everything(subject: Subject): SplitFeatures[] {
  return [subject, ...(subject.baselines ?? [])]
}
