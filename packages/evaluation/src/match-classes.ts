import { expected } from '@selfsup/core'
import type { Features } from './features.js'

/**
 * Renumbers the classes of test features like those of the training features, by class name. Two image folders number their
 * class subfolders independently, so that an additional folder in one of them would shift the others.
 * @returns the test features, with -1 for images of classes that training does not have, and the names of those classes
 * @throws SelfsupError if both have class names and share none
 */
export function matchClasses(
  train: Pick<Features, 'classes'>,
  test: Features,
): { test: Features; missing: readonly string[] } {
  const { classes } = train
  if (!classes || !test.classes || sameNames(classes, test.classes)) return { test, missing: [] }
  const numbers = new Map(classes.map((name, number) => [name, number]))
  const found = test.classes.map((name) => numbers.get(name) ?? -1)
  expected(
    found.some((number) => number >= 0),
    `the classes of the test images (${list(test.classes)}) and of the training images (${list(classes)}) have no name in common; use the same folder names`,
  )
  return {
    test: { ...test, classes, labels: test.labels.map((label) => found[label] ?? -1) },
    missing: test.classes.filter((name) => !numbers.has(name)),
  }
}

/** @throws SelfsupError if a class number has different names in train and test */
export function expectSameClasses(what: string, train: Features, test: Features): void {
  if (!train.classes || !test.classes) return
  const differing = test.classes.findIndex((name, number) => (train.classes![number] ?? name) !== name)
  expected(
    differing < 0,
    `${what}: class ${differing} is '${train.classes[differing]}' in the training images but '${test.classes[differing]}' in the test images; use matchClasses(train, test).test`,
  )
}

function sameNames(train: readonly string[], test: readonly string[]): boolean {
  return train.length >= test.length && test.every((name, number) => name === train[number])
}

function list(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')}, ...` : names.join(', ')
}
