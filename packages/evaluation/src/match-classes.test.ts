import { expect, test } from 'vitest'
import type { Features } from './features.js'
import { knn } from './knn.js'
import { linearProbe } from './linear-probe.js'
import { matchClasses } from './match-classes.js'

const features = (labels: number[], classes?: string[]): Features => ({
  values: new Float32Array(labels.length),
  count: labels.length,
  width: 1,
  labels: Int32Array.from(labels),
  indices: Int32Array.from(labels.keys()),
  classes,
})
const train = features([0, 1, 2], ['apple', 'pear', 'plum'])

test('labels are matched by class name; classes that training does not have become -1', () => {
  const matched = matchClasses(train, features([0, 1, 2, -1], ['apple', 'fig', 'plum']))
  expect([...matched.test.labels]).toEqual([0, -1, 2, -1])
  expect(matched.test.classes).toEqual(train.classes)
  expect(matched.missing).toEqual(['fig'])
  const fewer = matchClasses(train, features([0, 1], ['pear', 'plum']))
  expect([...fewer.test.labels]).toEqual([1, 2])
  expect(fewer.missing).toEqual([])
})

test('features with the same names, or without names, are returned unchanged', () => {
  for (const same of [features([0, 1], ['apple', 'pear']), features([0, 1])])
    expect(matchClasses(train, same).test).toBe(same)
})

test('throws if no class is shared, or a class number has two names', async () => {
  const others = features([0, 1], ['cat', 'dog'])
  expect(() => matchClasses(train, others)).toThrow(
    'the classes of the test images (cat, dog) and of the training images (apple, pear, plum) have no name in common',
  )
  const moved = features([0, 1], ['pear', 'plum'])
  for (const classify of [knn, linearProbe])
    await expect(classify(train, moved)).rejects.toThrow(
      "class 0 is 'apple' in the training images but 'pear' in the test images; use matchClasses",
    )
})
