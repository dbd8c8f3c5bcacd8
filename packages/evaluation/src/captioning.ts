import { derive, expected, uniforms } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { adamw, biasesAndNorms, warmupCosine } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import { captionDecoder } from './caption-decoder.js'
import type { Features } from './features.js'
import { sample } from './few-shot.js'
import { PendingLosses } from './pending-losses.js'
import { standardisation } from './row-blocks.js'
import { type Vocabulary, vocabularyOf } from './vocabulary.js'

/** Features of images, with their reference captions. */
export interface CaptionedFeatures {
  readonly features: Features
  /** the captions of each row; rows without captions are not used for training */
  readonly captions: readonly (readonly string[])[]
}

export interface CaptionerOptions {
  readonly engine: Engine
  /** number of updates; default 2000 */
  readonly steps?: number
  /** images per step; default 128 */
  readonly batchSize?: number
  /** peak learning rate of AdamW; default 2e-3 */
  readonly learningRate?: number
  /** width of the decoder's layers; default 128 */
  readonly width?: number
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly onStep?: (step: number) => void
}

/** A trained caption decoder. */
export interface Captioner {
  readonly vocabulary: Vocabulary
  /** mean loss over the last tenth of the steps: negative log-likelihood per word, in nats */
  readonly loss: number
  /** Greedily decoded caption of each row, without punctuation. */
  describe(features: Features): Promise<string[]>
  dispose(): void
}

/**
 * Trains a small transformer decoder to caption images from frozen features: cross-entropy of each word given the previous
 * words, on one random caption per image and step. The whole step is compiled.
 * @throws SelfsupError if no row has a caption, there are not as many caption lists as rows, or an option is out of range
 */
export async function trainCaptioner(
  { features, captions }: CaptionedFeatures,
  options: CaptionerOptions,
): Promise<Captioner> {
  const { engine, width, seed = 1, signal, onStep } = options
  const { steps = 2000, batchSize = 128, learningRate = 2e-3 } = options
  for (const [name, value] of Object.entries({ steps, batchSize }))
    expected(
      Number.isInteger(value) && value >= 1,
      `trainCaptioner: ${name} must be at least 1; got ${value}`,
    )
  expected(
    captions.length === features.count,
    `trainCaptioner: captions must have one entry per row of the features; got ${captions.length} entries and ${features.count} rows`,
  )
  const rows = [...captions.keys()].filter((row) => captions[row]!.length > 0)
  expected(rows.length > 0, 'trainCaptioner: no image has a caption')
  const vocabulary = vocabularyOf(rows.flatMap((row) => captions[row]!))
  const length = vocabulary.longest + 1
  const known = vocabulary.words.length
  const scale = standardisation(features, Uint32Array.from(rows))
  const shape = { features: features.width, vocabulary: known, length, width }
  const decoder = captionDecoder({ ...shape, seed: [seed, 0xca9] })
  const optimizer = adamw(decoder.weights, { weightDecay: 1e-2, exclude: biasesAndNorms })
  const step = engine.compile((seen: tf.Tensor2D, words: tf.Tensor2D, rate: tf.Scalar): tf.Scalar => {
    const { value, grads } = tf.variableGrads(
      () => captionLoss(decoder.apply(seen, words), words),
      Object.values(decoder.weights),
    )
    const gradients = Object.entries(decoder.weights).map(([name, { name: own }]) => [name, grads[own]!])
    optimizer.apply(Object.fromEntries(gradients), { learningRate: rate })
    return value
  })
  const rateAt = warmupCosine({ base: learningRate, warmupSteps: Math.floor(steps / 20), totalSteps: steps })
  const batch = Math.min(batchSize, rows.length)
  const losses = new PendingLosses(Math.floor(steps * 0.9))
  try {
    let order: number[] = []
    for (let done = 0; done < steps; done++) {
      signal?.throwIfAborted()
      if (order.length < batch) order = sample(rows.length, rows.length, derive([seed, 0x5e4], done))
      const own = order.splice(0, batch).map((i) => rows[i]!)
      const draws = uniforms(derive([seed, 0xd4a], done), batch)
      const words = own.flatMap((row, i) => {
        const all = captions[row]!
        return [...vocabulary.encode(all[Math.floor(draws[i]! * all.length)]!)]
      })
      const inputs = [
        standardRows(features, own, scale),
        tf.tensor2d(words, [batch, length], 'int32'),
        tf.scalar(rateAt(done)),
      ] as const
      const loss = step(...inputs)
      tf.dispose(inputs as unknown as tf.Tensor[])
      await losses.add(loss)
      onStep?.(done + 1)
    }
    const loss = await losses.mean()
    return {
      vocabulary,
      loss,
      describe: (described) => describe(described, decoder, vocabulary, scale, options),
      dispose: () => decoder.dispose(),
    }
  } catch (error) {
    decoder.dispose()
    throw error
  } finally {
    losses.dispose()
    step.dispose()
    optimizer.dispose()
  }
}

/**
 * Mean cross-entropy over a caption's words and its end token; positions after the end do not count.
 * @param logits [batch, length, vocabulary]
 * @param words int32 [batch, length], 0 from the end on
 */
export function captionLoss(logits: tf.Tensor3D, words: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const [batch, length, vocabulary] = logits.shape
    const said = tf.cast(tf.greater(words, 0), 'float32') as tf.Tensor2D
    // The end token counts too: it is the position after the last word.
    const counted = tf.concat([tf.ones([batch, 1]), tf.slice(said, [0, 0], [batch, length - 1])], 1)
    const likelihood = tf.sum(
      tf.mul(tf.logSoftmax(logits), tf.cast(tf.oneHot(words, vocabulary), 'float32')),
      2,
    )
    return tf.neg(tf.div(tf.sum(tf.mul(likelihood, counted)), tf.sum(counted))) as tf.Scalar
  })
}

/** Images described per batch. */
const BLOCK = 256

async function describe(
  features: Features,
  decoder: ReturnType<typeof captionDecoder>,
  vocabulary: Vocabulary,
  scale: ReturnType<typeof standardisation>,
  { engine, signal }: CaptionerOptions,
): Promise<string[]> {
  const length = vocabulary.longest + 1
  expected(
    features.width === scale.mean.length,
    `describe: the decoder was trained on ${scale.mean.length} features per image; got ${features.width}`,
  )
  const next = engine.compile(
    (seen: tf.Tensor2D, words: tf.Tensor2D) => tf.argMax(decoder.apply(seen, words), 2) as tf.Tensor2D,
  )
  const captions: string[] = []
  try {
    for (let start = 0; start < features.count; start += BLOCK) {
      // The last block is padded with the last row, so that all blocks have the shape that was compiled.
      const rows = Array.from({ length: Math.min(BLOCK, features.count) }, (_, i) =>
        Math.min(start + i, features.count - 1),
      )
      const seen = standardRows(features, rows, scale)
      const words = new Int32Array(rows.length * length)
      for (let place = 0; place < length; place++) {
        signal?.throwIfAborted()
        const before = tf.tensor2d(words, [rows.length, length], 'int32')
        const predicted = next(seen, before)
        const values = await predicted.data()
        for (let row = 0; row < rows.length; row++) {
          const at = row * length + place
          words[at] = place > 0 && words[at - 1] === 0 ? 0 : values[at]!
        }
        tf.dispose([before, predicted])
      }
      seen.dispose()
      for (let row = 0; row < rows.length && captions.length < features.count; row++)
        captions.push(vocabulary.decode(words.subarray(row * length, (row + 1) * length)))
    }
    return captions
  } finally {
    next.dispose()
  }
}

function standardRows(
  { values, width }: Features,
  rows: readonly number[],
  { mean, inverse }: ReturnType<typeof standardisation>,
): tf.Tensor2D {
  const packed = new Float32Array(rows.length * width)
  for (const [i, row] of rows.entries())
    for (let f = 0; f < width; f++)
      packed[i * width + f] = (values[row * width + f]! - mean[f]!) * inverse[f]!
  return tf.tensor2d(packed, [rows.length, width])
}
