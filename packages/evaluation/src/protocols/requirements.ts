import type { SplitFeatures, Subject } from '../protocol.js'

/** Returns why the classes can't be learned: too few of them. */
export function missingClasses({ train, test }: Subject): string | undefined {
  const classes = new Set(train.labels.filter((label) => label >= 0))
  if (classes.size < 2)
    return 'the training images have fewer than two classes; put them into one subfolder per class'
  return test.labels.some((label) => classes.has(label))
    ? undefined
    : 'no test image has a class that the training images have'
}

/** Returns why there is no network to train. */
export function requiresImages(subject: Subject): string | undefined {
  if (!subject.images) return 'only features were given, without a network and images'
  return missingClasses(subject)
}

/** The run's features, followed by the baselines. */
export function everything(subject: Subject): SplitFeatures[] {
  return [subject, ...(subject.baselines ?? [])]
}
