import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { recipeOf } from '@selfsup/backbones'
import { namedWeights, readModelNotes } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import expectedByName from './fixtures/models/expected.json' with { type: 'json' }
import { loadPretrainedFile } from './load-file.js'
import { loadPretrained, type PretrainedFiles } from './load-pretrained.js'
import { readWeights } from './read-weights.js'
import { recognise } from './recognise.js'
import { sizeOf } from './weight-file.js'

const models = fileURLToPath(new URL('./fixtures/models', import.meta.url))

interface Expected {
  readonly size: number
  readonly heads?: number
  readonly gradientSize?: number
  readonly features: Readonly<Record<string, number[][]>>
  /** norm and sum of each gradient, by the names in the file */
  readonly gradients: Readonly<Record<string, [norm: number, sum: number]>>
  /** norm of the gradient of the images, and its product with numbers of `draw` */
  readonly inputGradient: readonly [norm: number, product: number]
}

async function filesOf(name: string, heads?: number): Promise<PretrainedFiles> {
  const folder = join(models, name)
  const names = readdirSync(folder)
  const texts = names.filter((file) => file.endsWith('.json'))
  const configs = Object.fromEntries(
    await Promise.all(texts.map(async (file) => [file, await readFile(join(folder, file), 'utf8')] as const)),
  )
  const weights = join(folder, names.find((file) => !file.endsWith('.json'))!)
  return { source: name, weights, configs, heads }
}

/** Numbers in [-0.5, 0.5), as in the Python script. */
function draw(count: number, offset: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => (Math.abs(Math.sin(i * 12.9898 + offset) * 43758.5453) % 1) - 0.5,
  )
}

const images = (size: number) =>
  tf.tensor4d(
    draw(2 * size * size * 3, 5).map((v) => v * 4),
    [2, size, size, 3],
  )

/** Largest difference relative to the largest value. */
function difference(actual: readonly number[], wanted: readonly number[]): number {
  expect(actual.length).toBe(wanted.length)
  const largest = Math.max(...wanted.map(Math.abs))
  return Math.max(...actual.map((value, i) => Math.abs(value - wanted[i]!))) / largest
}

const all = Object.entries(expectedByName as unknown as Record<string, Expected>)

describe.each(testEngines())('with random weights of other libraries on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  // The second engine computes the same layers: one model of each kind is enough.
  const some = [
    'meta-dinov2-registers',
    'torchvision-resnet-bottleneck',
    'timm-mobilenet-small',
    'timm-dinov3',
  ]
  const cases = engine === testEngines()[0] ? all : all.filter(([name]) => some.includes(name))

  test.each(cases)('%s: features equal theirs at two sizes', async (name, { heads, features }) => {
    const files = await filesOf(name, heads)
    for (const [size, rows] of Object.entries(features)) {
      const before = tf.memory().numTensors
      const { model, note } = await loadPretrained(files, { size: Number(size) })
      expect(note.sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(recipeOf(model)?.options.size).toBe(Number(size))
      expect(readModelNotes(model).pretrained).toEqual(note)
      const [x, y] = tf.tidy(() => {
        const input = images(Number(size))
        return [input, model.predict(input) as tf.Tensor]
      })
      expect(difference([...y!.dataSync()], rows.flat()), `${size} pixels`).toBeLessThan(1e-4)
      tf.dispose([x!, y!])
      model.dispose()
      expect(tf.memory().numTensors).toBe(before)
    }
  })

  test.each(cases)('%s: gradients of all weights and of the images equal theirs', async (name, expected) => {
    const { heads, gradients, size, gradientSize = size } = expected
    const files = await filesOf(name, heads)
    const { model } = await loadPretrained(files, { size: gradientSize })
    const file = await readWeights(files.weights)
    const { reader, tensors } = recognise(file)
    await file.close()
    // Several weights of ours can be one tensor of theirs, and the other way round.
    const ours = new Map<string, { names: readonly string[]; norm: number; sum: number; count: number }>()
    tf.tidy(() => {
      const loss = (x: tf.Tensor) => {
        const y = model.apply(x, { training: true }) as tf.Tensor
        return tf.sum(tf.mul(y, tf.tensor(draw(y.size, 9), y.shape))) as tf.Scalar
      }
      const { grads } = tf.variableGrads(() => loss(images(gradientSize)))
      for (const [own, weight] of namedWeights({ backbone: model })) {
        const gradient = grads[(weight.read() as tf.Variable).name]
        const found = reader.counterpart(own.slice('backbone/'.length))
        if (!found || !gradient) continue
        const { names, parts } = tensors.find(found.timm)
        // timm's positions do not contain that of the class token, if it has added it to the token.
        const count = parts.reduce((sum, part) => sum + sizeOf(part!.shape), 0)
        const values = [...gradient.dataSync()].slice(-count)
        const before = ours.get(names.join()) ?? { norm: 0, sum: 0, count: 0 }
        ours.set(names.join(), {
          names,
          norm: Math.hypot(before.norm, ...values),
          sum: values.reduce((total, value) => total + value, before.sum),
          count: before.count + count,
        })
      }
      const ofImages = tf.grad(loss)(images(gradientSize))
      const [norm, product] = expected.inputGradient
      const along = tf.sum(tf.mul(tf.reshape(ofImages, [-1]), draw(ofImages.size, 7)))
      expect(Math.abs(tf.norm(ofImages).dataSync()[0]! - norm)).toBeLessThan(1e-3 * norm)
      expect(Math.abs(along.dataSync()[0]! - product), `product ${product}`).toBeLessThan(1e-3 * norm)
    })
    for (const [name, { names, norm, sum, count }] of ours) {
      const theirs = names.map((part) => gradients[part] ?? ([0, 0] as const))
      const wanted = Math.hypot(...theirs.map(([norm]) => norm))
      const wantedSum = theirs.reduce((total, [, sum]) => total + sum, 0)
      const tolerance = 1e-3 * wanted + 2e-5
      expect(Math.abs(norm - wanted), `${name}: norm ${wanted}`).toBeLessThan(tolerance)
      expect(Math.abs(sum - wantedSum), `${name}: sum`).toBeLessThan(tolerance * Math.sqrt(count))
    }
    const compared = [...ours.values()].flatMap(({ names }) => names)
    expect(compared).toEqual(expect.arrayContaining(Object.keys(gradients)))
    model.dispose()
  })
})

test('a file that a user chose in a browser gives the same weights as the file on disk', async () => {
  await prepareEngine({ engine: 'cpu' })
  const files = await filesOf('torchvision-resnet-bottleneck')
  const chosen = new File([await readFile(files.weights)], 'model.safetensors')
  const [onDisk, inBrowser] = [
    await loadPretrained(files, { size: 32 }),
    await loadPretrainedFile(chosen, { size: 32 }),
  ]
  const weights = ({ model }: typeof onDisk) =>
    [...namedWeights({ backbone: model }).values()].map((weight) => [...weight.read().dataSync()])
  expect(weights(inBrowser)).toEqual(weights(onDisk))
  expect(inBrowser.preprocessing).toEqual(onDisk.preprocessing)
  expect(inBrowser.note).toEqual({ ...onDisk.note, source: 'model.safetensors' })
  for (const { model } of [onDisk, inBrowser]) model.dispose()
  await expect(loadPretrainedFile(new File(['no weights'], 'a.txt'))).rejects.toThrow(
    'not a safetensors file',
  )
})
