import { derive, normals, type Seed } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

export interface CaptionDecoderShape {
  /** features per image */
  readonly features: number
  readonly vocabulary: number
  /** longest caption in words, including the end token */
  readonly length: number
  /** default 128 */
  readonly width?: number
  /** default 2 */
  readonly layers?: number
  /** default 4 */
  readonly heads?: number
  readonly seed: Seed
}

/** Predicts a caption word by word from an image's features. */
export interface CaptionDecoder {
  readonly weights: Readonly<Record<string, tf.Variable>>
  /**
   * Logits of each word given the image and the previous words. Call it inside a tidy.
   * @param features [batch, features]
   * @param words int32 [batch, length]; the last word is not used
   * @returns [batch, length, vocabulary]
   */
  apply(features: tf.Tensor2D, words: tf.Tensor2D): tf.Tensor3D
  dispose(): void
}

/**
 * A small pre-norm transformer decoder (Vaswani et al. 2017, arXiv:1706.03762). The image embedding takes the position before
 * the first word, and each position attends to itself and the earlier ones. The output layer shares its weights with the word
 * embeddings.
 */
export function captionDecoder({
  features,
  vocabulary,
  length,
  width = 128,
  layers = 2,
  heads = 4,
  seed,
}: CaptionDecoderShape): CaptionDecoder {
  let stream = 0
  const weights: Record<string, tf.Variable> = {}
  const matrix = (name: string, from: number, to: number, deviation = 1 / Math.sqrt(from)) => {
    const values = normals(derive(seed, stream++), from * to).map((value) => value * deviation)
    weights[`${name}/kernel`] = tf.tidy(() => tf.variable(tf.tensor2d(values, [from, to])))
  }
  const vector = (name: string, size: number, value = 0) => {
    weights[name] = tf.tidy(() => tf.variable(tf.fill([size], value)))
  }
  const dense = (name: string, from: number, to: number) => {
    matrix(name, from, to)
    vector(`${name}/bias`, to)
  }
  const norm = (name: string) => {
    vector(`${name}/gamma`, width, 1)
    vector(`${name}/beta`, width)
  }
  dense('image', features, width)
  matrix('words', vocabulary, width, 0.02)
  matrix('positions', length, width, 0.02)
  for (let layer = 0; layer < layers; layer++) {
    norm(`layer${layer}/norm1`)
    dense(`layer${layer}/query-key-value`, width, 3 * width)
    dense(`layer${layer}/mixed`, width, width)
    norm(`layer${layer}/norm2`)
    dense(`layer${layer}/hidden`, width, 4 * width)
    dense(`layer${layer}/out`, 4 * width, width)
  }
  norm('norm')
  vector('output/bias', vocabulary)

  const of = (name: string) => weights[name]!
  const apply2d = (name: string, x: tf.Tensor2D) =>
    tf.add(tf.matMul(x, of(`${name}/kernel`) as tf.Tensor2D), of(`${name}/bias`)) as tf.Tensor2D
  const normalised = (name: string, x: tf.Tensor2D) => {
    const centred = tf.sub(x, tf.mean(x, 1, true))
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), 1e-5))
    return tf.add(tf.mul(tf.mul(centred, scale), of(`${name}/gamma`)), of(`${name}/beta`)) as tf.Tensor2D
  }
  const attention = (x: tf.Tensor2D, batch: number): tf.Tensor2D => {
    const depth = width / heads
    const parts = tf.transpose(tf.reshape(x, [batch, length, 3, heads, depth]), [2, 0, 3, 1, 4])
    const [query, key, value] = tf.unstack(parts) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
    const scores = tf.add(
      tf.matMul(tf.mul(query, 1 / Math.sqrt(depth)), key, false, true),
      causalMask(length),
    )
    const mixed = tf.matMul(tf.softmax(scores), value)
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * length, width])
  }
  return {
    weights,
    apply(images, words) {
      const batch = images.shape[0]
      const embeddings = of('words/kernel') as tf.Tensor2D
      const before = tf.slice(words, [0, 0], [batch, length - 1])
      const flat = tf.reshape(tf.oneHot(before, vocabulary), [-1, vocabulary])
      const embedded = tf.reshape(tf.matMul(tf.cast(flat, 'float32') as tf.Tensor2D, embeddings), [
        batch,
        -1,
        width,
      ])
      const first = tf.expandDims(apply2d('image', images), 1)
      const placed = tf.add(tf.concat([first, embedded], 1), of('positions/kernel'))
      let x = tf.reshape(placed, [batch * length, width]) as tf.Tensor2D
      for (let layer = 0; layer < layers; layer++) {
        const name = (part: string) => `layer${layer}/${part}`
        const projected = apply2d(name('query-key-value'), normalised(name('norm1'), x))
        x = tf.add(x, apply2d(name('mixed'), attention(projected, batch)))
        const hidden = tf.relu(apply2d(name('hidden'), normalised(name('norm2'), x)))
        x = tf.add(x, apply2d(name('out'), hidden))
      }
      const logits = tf.add(tf.matMul(normalised('norm', x), embeddings, false, true), of('output/bias'))
      return tf.reshape(logits, [batch, length, vocabulary])
    },
    dispose: () => tf.dispose(Object.values(weights)),
  }
}

/** Added to attention scores: -1e9 for later positions, 0 for the others. */
function causalMask(length: number): tf.Tensor2D {
  const values = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e9 : 0,
  )
  return tf.tensor2d(values, [length, length])
}
