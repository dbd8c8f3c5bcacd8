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

/** Two images of each class, the classes turned by one place each epoch. */
const balanced: NonNullable<Method['order']> = ({ labels }, { epoch, batchSize }) => {
  const classes = [0, 1, 2].map((label) => (label + epoch) % 3)
  const two = (label: number) => [...labels!.keys()].filter((i) => labels![i] === label).slice(0, 2)
  return Uint32Array.from(classes.flatMap(two).slice(0, Math.max(batchSize, 6)))
}
const settings = { batchSize: 4, seed: 3 }

test('without an order of its own a method sees all images, shuffled', () => {
  expect(epochsOf(bare, tinyDataset(42), settings)).toEqual({ stepsPerEpoch: 10 })
})

test('a method chooses which images are seen, in which order, epoch by epoch', () => {
  const { stepsPerEpoch, orderOf } = epochsOf(
    { ...bare, order: balanced },
    tinyDataset(42, { classes: 3 }),
    settings,
  )
  expect(stepsPerEpoch).toBe(1)
  expect([...orderOf!(0)]).toEqual([0, 3, 1, 4, 2, 5])
  expect([...orderOf!(1)]).toEqual([1, 4, 2, 5, 0, 3])
})

test('its order has a seed for each epoch of each run', () => {
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
  [{ order: () => new Uint32Array(3) }, 'tiny: order gave 3 images of tiny, fewer than a batch of 4'],
  [{ order: () => Uint32Array.of(0, 1, 2, 8) }, 'tiny: order names position 8; tiny has those from 0 to 7'],
  [
    { needs: { labels: true } },
    'tiny learns from labels, and tiny has none; put the images into one subfolder',
  ],
  [{ needs: { batchSize: { max: 3 } } }, 'tiny: with its options a batch must be at most 3; got 4'],
  [
    { needs: { batchSize: { min: 6, multipleOf: 3 } } },
    'tiny: with its options a batch must be at least 6, a multiple of 3; got 4',
  ],
])('%j is refused', (wrong, message) => {
  expect(() => epochsOf({ ...bare, ...wrong }, tinyDataset(8), settings)).toThrow(message)
})

test('each epoch has as many batches as the first', () => {
  const order: typeof balanced = (_, { epoch }) => new Uint32Array(8 + 4 * epoch)
  const { orderOf } = epochsOf({ ...bare, order }, tinyDataset(8), settings)
  expect(() => orderOf!(1)).toThrow(
    'order must give as many batches in each epoch; 2 in the first, 12 images (batches of 4) in epoch 2',
  )
})

test('labels that are needed and there', () => {
  const needs = { labels: true }
  expect(epochsOf({ ...bare, needs }, tinyDataset(8, { classes: 2 }), settings).stepsPerEpoch).toBe(2)
})

test('no more classes than the method tells apart, where they are known', () => {
  const needs = { classes: { max: 2 } }
  const stepsOf = (classes?: number) =>
    epochsOf({ ...bare, needs }, tinyDataset(8, classes ? { classes } : {}), settings).stepsPerEpoch
  expect([stepsOf(), stepsOf(2)]).toEqual([2, 2])
  expect(() => stepsOf(3)).toThrow('tiny: with its options it tells at most 2 classes apart; tiny has 3')
})

test('a batch size that suits the method', () => {
  const needs = { batchSize: { min: 2, max: 4, multipleOf: 4 } }
  expect(epochsOf({ ...bare, needs }, tinyDataset(8), settings).stepsPerEpoch).toBe(2)
})
