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

test('labels follow the names; what training lacks has no class', () => {
  const matched = matchClasses(train, features([0, 1, 2, -1], ['apple', 'fig', 'plum']))
  expect([...matched.test.labels]).toEqual([0, -1, 2, -1])
  expect(matched.test.classes).toEqual(train.classes)
  expect(matched.missing).toEqual(['fig'])
  const fewer = matchClasses(train, features([0, 1], ['pear', 'plum']))
  expect([...fewer.test.labels]).toEqual([1, 2])
  expect(fewer.missing).toEqual([])
})

test('the same names, or none, change nothing', () => {
  for (const same of [features([0, 1], ['apple', 'pear']), features([0, 1])])
    expect(matchClasses(train, same).test).toBe(same)
})

test('no class in common is an error, and so are numbers that mean two classes', async () => {
  const others = features([0, 1], ['cat', 'dog'])
  expect(() => matchClasses(train, others)).toThrow(
    "the test images' classes (cat, dog) are none of the training images' (apple, pear, plum)",
  )
  const moved = features([0, 1], ['pear', 'plum'])
  for (const judge of [knn, linearProbe])
    await expect(judge(train, moved)).rejects.toThrow(
      "class 0 is 'apple' among the training images, 'pear' among the test images; take matchClasses",
    )
})
