import { expected } from '@selfsup/core'
import type { Features } from './features.js'

/**
 * Test features with the class numbers of the training features, by the classes' names: two folders of class subfolders
 * number their classes each by itself, so that one folder more in one of them would move the rest.
 * @returns the test features, images of classes that training lacks without a class (-1); and those classes' names
 * @throws SelfsupError when both have names and share none
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
    `the test images' classes (${list(test.classes)}) are none of the training images' (${list(classes)}); name their folders alike`,
  )
  return {
    test: { ...test, classes, labels: test.labels.map((label) => found[label] ?? -1) },
    missing: test.classes.filter((name) => !numbers.has(name)),
  }
}

/** @throws SelfsupError when the same class number stands for two classes */
export function expectSameClasses(what: string, train: Features, test: Features): void {
  if (!train.classes || !test.classes) return
  const differing = test.classes.findIndex((name, number) => (train.classes![number] ?? name) !== name)
  expected(
    differing < 0,
    `${what}: class ${differing} is '${train.classes[differing]}' among the training images, '${test.classes[differing]}' among the test images; take matchClasses(train, test).test`,
  )
}

function sameNames(train: readonly string[], test: readonly string[]): boolean {
  return train.length >= test.length && test.every((name, number) => name === train[number])
}

function list(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')}, ...` : names.join(', ')
}
