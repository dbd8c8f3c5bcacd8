import type { Method } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { beforeAll, expect, test } from 'vitest'
import { epochsOf } from './epochs.js'
import { tinyDataset, tinyMethod } from './fixtures/tiny.js'

let bare: Method
beforeAll(async () => {
  await prepareEngine({ engine: 'cpu' })
  bare = tinyMethod()
})

/** Two images of each class; the order of the classes rotates by one each epoch. */
const balanced: NonNullable<Method['order']> = ({ labels }, { epoch, batchSize }) => {
  const classes = [0, 1, 2].map((label) => (label + epoch) % 3)
  const two = (label: number) => [...labels!.keys()].filter((i) => labels![i] === label).slice(0, 2)
  return Uint32Array.from(classes.flatMap(two).slice(0, Math.max(batchSize, 6)))
}
const settings = { batchSize: 4, seed: 3 }

test('without an order, an epoch contains all images, shuffled', () => {
  expect(epochsOf(bare, tinyDataset(42), settings)).toEqual({ stepsPerEpoch: 10 })
})

test('a method chooses the images of each epoch and their order', () => {
  const { stepsPerEpoch, orderOf } = epochsOf(
    { ...bare, order: balanced },
    tinyDataset(42, { classes: 3 }),
    settings,
  )
  expect(stepsPerEpoch).toBe(1)
  expect([...orderOf!(0)]).toEqual([0, 3, 1, 4, 2, 5])
  expect([...orderOf!(1)]).toEqual([1, 4, 2, 5, 0, 3])
})

test('order receives a different seed for each epoch and each run', () => {
  const seeds: string[] = []
  const order: typeof balanced = ({ length }, { seed }) => {
    seeds.push(seed.join())
    return new Uint32Array(length)
  }
  const { orderOf } = epochsOf({ ...bare, order }, tinyDataset(8), settings)
  orderOf!(0)
  orderOf!(1)
  epochsOf({ ...bare, order }, tinyDataset(8), { ...settings, seed: 4 })
  expect(seeds[0]).toBe(seeds[1])
  expect(new Set(seeds).size).toBe(3)
})

test.each([
  [{ order: () => new Uint32Array(3) }, 'tiny: order returned 3 images of tiny, fewer than a batch of 4'],
  [
    { order: () => Uint32Array.of(0, 1, 2, 8) },
    'tiny: order must return positions from 0 to 7 in tiny; got 8',
  ],
  [{ needs: { labels: true } }, 'tiny needs labels, but tiny has none; put the images into one subfolder'],
  [{ needs: { batchSize: { max: 3 } } }, 'tiny: with these options the batch size must be at most 3; got 4'],
  [
    { needs: { batchSize: { min: 6, multipleOf: 3 } } },
    'tiny: with these options the batch size must be at least 6, a multiple of 3; got 4',
  ],
])('rejects %j', (wrong, message) => {
  expect(() => epochsOf({ ...bare, ...wrong }, tinyDataset(8), settings)).toThrow(message)
})

test('rejects an epoch with a different number of batches than the first', () => {
  const order: typeof balanced = (_, { epoch }) => new Uint32Array(8 + 4 * epoch)
  const { orderOf } = epochsOf({ ...bare, order }, tinyDataset(8), settings)
  expect(() => orderOf!(1)).toThrow(
    'order must return the same number of batches in each epoch; got 2 batches in the first and 12 images (batches of 4) in epoch 2',
  )
})

test('accepts a dataset with the labels that the method needs', () => {
  const needs = { labels: true }
  expect(epochsOf({ ...bare, needs }, tinyDataset(8, { classes: 2 }), settings).stepsPerEpoch).toBe(2)
})

test('rejects more classes than the method supports, if the classes are known', () => {
  const needs = { classes: { max: 2 } }
  const stepsOf = (classes?: number) =>
    epochsOf({ ...bare, needs }, tinyDataset(8, classes ? { classes } : {}), settings).stepsPerEpoch
  expect([stepsOf(), stepsOf(2)]).toEqual([2, 2])
  expect(() => stepsOf(3)).toThrow(
    'tiny: with these options the dataset may have at most 2 classes; tiny has 3',
  )
})

test('accepts a batch size within the limits of the method', () => {
  const needs = { batchSize: { min: 2, max: 4, multipleOf: 4 } }
  expect(epochsOf({ ...bare, needs }, tinyDataset(8), settings).stepsPerEpoch).toBe(2)
})
