import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { captionDecoder } from './caption-decoder.js'
import { captionLoss, trainCaptioner } from './captioning.js'
import type { Features } from './features.js'
import { vocabularyOf } from './vocabulary.js'

const things = ['star', 'circle', 'ring', 'heart']
const places = ['at the top', 'in the middle']

/** Features that encode the thing and the place in each image. */
function made(count: number): { features: Features; captions: string[][] } {
  const values = new Float32Array(count * 6)
  const captions = Array.from({ length: count }, (_, i) => {
    const [thing, place] = [i % 4, (i >> 2) % 2]
    values[6 * i + thing] = 1
    values[6 * i + 4 + place] = 1
    return [`A ${things[thing]} ${places[place]}.`]
  })
  const labels = new Int32Array(count)
  return { features: { values, count, width: 6, labels, indices: Int32Array.from(labels.keys()) }, captions }
}

test('a vocabulary encodes captions and decodes them again', () => {
  const vocabulary = vocabularyOf(['A red star.', 'a ring at the top'])
  expect(vocabulary.words).toEqual(['<end>', '<unknown>', 'a', 'at', 'red', 'ring', 'star', 'the', 'top'])
  expect([...vocabulary.encode('a green star')]).toEqual([2, 1, 6, 0, 0, 0])
  expect(vocabulary.decode(vocabulary.encode('A ring at the top!'))).toBe('a ring at the top')
  expect(() => vocabularyOf(['...'])).toThrow('contain no words')
})

describe.each(testEngines())('captioning on %s', (name) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: name })
  })

  test('the loss counts the words and the end token only', () => {
    tf.tidy(() => {
      const logits = tf.tensor3d([
        [
          [0, 1, 2],
          [1, 0, 0],
          [5, 0, 0],
        ],
      ])
      const words = tf.tensor2d([[2, 0, 0]], [1, 3], 'int32')
      const likelihood = (row: number[], at: number) =>
        row[at]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0))
      const expected = -(likelihood([0, 1, 2], 2) + likelihood([1, 0, 0], 0)) / 2
      expect(captionLoss(logits, words).dataSync()[0]).toBeCloseTo(expected, 5)
    })
  })

  test('the prediction of a word depends only on the image and the previous words', () => {
    const shape = { features: 3, vocabulary: 7, length: 5, width: 8, heads: 2, seed: [1, 2] } as const
    const decoder = captionDecoder(shape)
    tf.tidy(() => {
      const image = tf.tensor2d([[1, 2, 3]])
      const logitsOf = (words: number[]) =>
        decoder.apply(image, tf.tensor2d(words, [1, 5], 'int32')).arraySync()[0]!
      const [a, b] = [logitsOf([1, 2, 3, 4, 5]), logitsOf([1, 2, 6, 4, 5])]
      for (let place = 0; place < 5; place++) {
        const difference = Math.max(...a[place]!.map((value, i) => Math.abs(value - b[place]![i]!)))
        if (place <= 2) expect(difference).toBeLessThan(1e-6)
        else expect(difference).toBeGreaterThan(1e-6)
      }
    })
    decoder.dispose()
  })

  // One engine is enough: the operations are tested on each engine above.
  test.runIf(name === testEngines()[0])(
    'learns the captions that the features determine, and leaks no tensors',
    async () => {
      const learn = made(64)
      const before = tf.memory().numTensors
      const options = { engine, steps: 120, batchSize: 32, width: 16, learningRate: 1e-2 }
      const captioner = await trainCaptioner(learn, options)
      const described = await captioner.describe(learn.features)
      const right = described.filter((caption, i) => `${caption}.` === learn.captions[i]![0]!.toLowerCase())
      expect(right.length).toBeGreaterThan(56)
      await expect(captioner.describe({ ...learn.features, width: 3, count: 128 })).rejects.toThrow(
        'was trained on 6 features per image; got 3',
      )
      captioner.dispose()
      expect(tf.memory().numTensors).toBe(before)
    },
  )

  test('throws for invalid captions and options', async () => {
    const learn = made(8)
    await expect(trainCaptioner({ ...learn, captions: [['a']] }, { engine })).rejects.toThrow(
      'one entry per row of the features; got 1 entries and 8 rows',
    )
    await expect(
      trainCaptioner({ ...learn, captions: learn.captions.map(() => []) }, { engine }),
    ).rejects.toThrow('no image has a caption')
    await expect(trainCaptioner(learn, { engine, steps: 0 })).rejects.toThrow('steps must be at least 1')
  })
})
