import { convnet, visionTransformer } from '@selfsup/backbones'
import type { Teacher } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { distillation } from './distillation.js'
import { featuresAndMap } from './features-and-map.js'
import { teacherInput } from './teacher-input.js'

beforeAll(async () => {
  await prepareEngine({ engine: 'wasm' })
})

const rgb = { mean: [0.5, 0.4, 0.3], std: [0.5, 0.25, 0.2] }
const teacherOf = (model: LayersModel, more: Partial<Teacher> = {}): Teacher => ({
  source: 'teachers/a',
  fingerprint: 'f',
  model,
  normalisation: rgb,
  ...more,
})

test('a teacher of three channels sees the chosen bands in its own normalisation and size', () => {
  const model = convnet({ size: 8, widths: [2] })
  const student = {
    size: 4,
    channels: 5,
    normalisation: { mean: [0, 0.1, 0.2, 0.3, 0.4], std: [1, 1, 2, 1, 4] },
    bands: [4, 2, 0],
  }
  tf.tidy(() => {
    // Pixels of one constant colour, 0.1 to 0.5, as the student sees them.
    const pixels = [0.1, 0.2, 0.3, 0.4, 0.5]
    const seen = pixels.map(
      (value, i) => (value - student.normalisation.mean[i]!) / student.normalisation.std[i]!,
    )
    const views = tf.tile(tf.tensor4d(seen, [1, 1, 1, 5]), [2, 4, 4, 1])
    const input = teacherInput(teacherOf(model), student)(views)
    expect(input.shape).toEqual([2, 8, 8, 3])
    const first = [...tf.slice(input, [1, 3, 3, 0], [1, 1, 1, 3]).dataSync()]
    for (const [i, value] of [0.5, 0.3, 0.1].entries())
      expect(first[i]).toBeCloseTo((value - rgb.mean[i]!) / rgb.std[i]!, 5)
  })
  model.dispose()
})

test.each([
  [3, 1, ['auto', 'auto', 'auto'], [0, 0, 0]],
  [3, 7, ['auto', 'auto', 'auto'], [0, 1, 2]],
  [1, 1, ['auto', 'auto', 'auto'], [0]],
] as const)(
  'a teacher of %i channels and images of %i: bands %j are channels %j',
  (channels, own, bands, seen) => {
    const model = convnet({ size: 4, channels, widths: [2] })
    const same = (count: number) => ({ mean: Array(count).fill(0), std: Array(count).fill(1) })
    tf.tidy(() => {
      const views = tf.tile(tf.reshape(tf.range(0, own), [1, 1, 1, own]), [1, 4, 4, 1]) as tf.Tensor4D
      const student = { size: 4, channels: own, normalisation: same(own), bands }
      const input = teacherInput(teacherOf(model, { normalisation: same(channels) }), student)(views)
      expect([...tf.slice(input, [0, 0, 0, 0], [1, 1, 1, -1]).dataSync()]).toEqual(seen)
    })
    model.dispose()
  },
)

test('refuses a missing teacher and channels that do not fit', () => {
  const student = convnet({ size: 8, widths: [2] })
  const gray = convnet({ size: 8, channels: 1, widths: [2] })
  const colour = convnet({ size: 8, widths: [2] })
  expect(() => distillation(student)).toThrow('distillation needs a teacher')
  const grayTeacher = teacherOf(gray, { normalisation: { mean: [0], std: [1] } })
  expect(() => distillation(student, {}, { teacher: grayTeacher })).toThrow(
    'the teacher teachers/a takes images of 1 channel, and these have 3; choose a teacher of 3 or 3 channels',
  )
  expect(() => distillation(student, { blue: 3 }, { teacher: teacherOf(colour) })).toThrow(
    'blue must be a channel of the images, 0 to 2; got 3',
  )
  for (const model of [student, gray, colour]) model.dispose()
})

test('finds the map of convolutional networks and the patches of vision transformers', () => {
  const small = convnet({ size: 8, widths: [2, 3] })
  const vit = visionTransformer('vit', { size: 12, patchSize: 4 }, { width: 6, depth: 2, heads: 2 })
  tf.tidy(() => {
    const images = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 1) as tf.Tensor4D
    const { features, map } = featuresAndMap(small).apply(images, { training: false })
    expect(map!.shape).toEqual([2, 4, 4, 3])
    // The features are the mean of the map.
    const difference = tf.max(tf.abs(tf.sub(features, tf.mean(map!, [1, 2])))).dataSync()[0]
    expect(difference).toBeLessThan(1e-6)
    const large = tf.randomNormal([2, 12, 12, 3], 0, 1, 'float32', 2) as tf.Tensor4D
    const tokens = featuresAndMap(vit).apply(large, { training: false })
    expect(tokens.map!.shape).toEqual([2, 3, 3, 6])
    expect(tokens.features.shape).toEqual([2, 6])
  })
  for (const model of [small, vit]) model.dispose()
})

test('fixed views use stored features, which equal those that the teacher computes', () => {
  const student = convnet({ size: 8, widths: [4] })
  const model = convnet({ size: 8, widths: [6], seed: 2 })
  const batch = imageBatch(4, { size: 8 })
  const context = { normalisation: rgb }
  const computing = distillation(
    student,
    { views: 'fixed', queue: 8, local: 0 },
    { ...context, teacher: teacherOf(model) },
  )
  const views = computing.views(batch, stepOf())
  const computed = computing.targets!(views, stepOf()).features
  // Position 2 of the dataset is in the first row, and so on.
  const features = tf.tidy(() => {
    const pixels = tf.div(tf.sub(tf.div(batch.images, 255), rgb.mean), rgb.std)
    return tf.gather(model.apply(pixels) as tf.Tensor2D, [1, 3, 0, 2])
  })
  const indices = tf.tensor1d([2, 0, 3, 1], 'int32')
  const teacher = teacherOf(model, { features })
  const storing = distillation(student, { views: 'fixed', queue: 8 }, { ...context, teacher })
  const stored = storing.targets!(storing.views({ ...batch, indices }, stepOf()), stepOf())
  expect(stored.map).toBeUndefined()
  expect(tf.max(tf.abs(tf.sub(stored.features, computed))).dataSync()[0]).toBeLessThan(1e-5)
  expect(() => distillation(student, { views: 'fixed', local: 1 }, { ...context, teacher })).toThrow(
    'local must be 0, because stored features of the teacher have no map of the image; got 1',
  )
  for (const made of [storing, computing, student, model]) made.dispose()
})
