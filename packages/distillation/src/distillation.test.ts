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
    'the teacher teachers/a takes images of 1 channel, and these have 3; choose a teacher of 3 channels',
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

test('the keys are the teacher’s features of this batch, then of past batches, all of length 1', () => {
  const student = convnet({ size: 8, widths: [4] })
  const model = convnet({ size: 8, widths: [6], seed: 2 })
  const context = { normalisation: rgb, teacher: teacherOf(model) }
  const method = distillation(student, { views: 'fixed', queue: 6, local: 0 }, context)
  const before = tf.memory().numTensors
  tf.tidy(() => {
    const step = stepOf()
    const rows = (x: tf.Tensor) => x.arraySync() as number[][]
    const unit = (x: tf.Tensor2D) => rows(tf.div(x, tf.norm(x, 2, 1, true)))
    const batches = [4, 3].map((count) => {
      const batch = imageBatch(count, { size: 8 })
      // The batches would start with the same images.
      return count === 3 ? { ...batch, images: tf.sub(255, batch.images) as tf.Tensor4D } : batch
    })
    const [first, second] = batches.map((batch) => {
      const pixels = tf.div(tf.sub(tf.div(batch.images, 255), rgb.mean), rgb.std)
      return unit(model.apply(pixels, { training: false }) as tf.Tensor2D)
    })
    const drawn = rows(method.state.queue!)
    const expectRows = (got: number[][], wanted: number[][]) => {
      expect(got).toHaveLength(wanted.length)
      for (const [i, row] of wanted.entries())
        for (const [j, value] of row.entries()) expect(got[i]![j]).toBeCloseTo(value, 5)
    }
    const views = batches.map((batch) => method.views(batch, step))
    const targets = method.targets!(views[0]!, step)
    expectRows(rows(targets.features), first!)
    expectRows(rows(targets.keys), [...first!, ...drawn])
    method.afterUpdate!(views[0]!, step, targets)
    const next = method.targets!(views[1]!, step)
    expectRows(rows(next.keys), [...second!, ...first!, ...drawn.slice(4)])
    method.afterUpdate!(views[1]!, step, next)
    // The oldest keys are replaced, after the last row from the first one on.
    expectRows(rows(method.state.queue!), [second![2]!, ...first!.slice(1), second![0]!, second![1]!])
  })
  expect(tf.memory().numTensors).toBe(before)
  for (const made of [method, student, model]) made.dispose()
})

test('the loss is the divergence of the similarities at this temperature', () => {
  const student = convnet({ size: 8, widths: [4] })
  const model = convnet({ size: 8, widths: [6], seed: 2 })
  const context = { normalisation: rgb, teacher: teacherOf(model) }
  const options = { views: 'fixed', queue: 6, local: 0, temperature: 0.5 } as const
  const method = distillation(student, options, context)
  tf.tidy(() => {
    const views = method.views(imageBatch(4, { size: 8 }), stepOf())
    const targets = method.targets!(views, stepOf())
    const { loss, metrics, features } = method.loss(views, stepOf(), targets)
    const z = method.networks.projector!.apply(features as tf.Tensor) as tf.Tensor2D
    const unit = tf.div(z, tf.norm(z, 2, 1, true))
    const keys = targets.keys.arraySync()
    const softmax = (row: number[]) => {
      const exps = keys.map((key) => Math.exp(key.reduce((sum, value, i) => sum + value * row[i]!, 0) / 0.5))
      const sum = exps.reduce((a, b) => a + b)
      return exps.map((value) => value / sum)
    }
    const [p, q] = [targets.features, unit].map((x) => (x.arraySync() as number[][]).map(softmax))
    const divergences = p!.map((row, i) =>
      row.reduce((sum, value, j) => sum + value * Math.log(value / q![i]![j]!), 0),
    )
    expect(loss.dataSync()[0]).toBeCloseTo(divergences.reduce((a, b) => a + b) / 4, 5)
    expect(Object.keys(metrics!)).toEqual(['cosine'])
  })
  for (const made of [method, student, model]) made.dispose()
})
