import { derive, normals, type Seed } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Output of a detection head for each location: class logits, distances to the box's sides, and centre-ness logit. */
export interface DetectorOutput {
  /** [batch, locations, classes] */
  readonly logits: tf.Tensor3D
  /** [batch, locations, 4]: left, top, right, bottom, in pixels, above 0 */
  readonly sides: tf.Tensor3D
  /** [batch, locations] */
  readonly centreness: tf.Tensor2D
}

export interface DetectionHeadShape {
  /** channels of the two feature maps, the finer one first */
  readonly channels: readonly [number, number]
  readonly classes: number
  /** pixels between neighbouring locations of the finer map */
  readonly stride: number
  /** default 96 */
  readonly width?: number
  readonly seed: Seed
}

/** A trainable detection head on two feature maps of a backbone. */
export interface DetectionHead {
  readonly weights: Readonly<Record<string, tf.Variable>>
  /** Call it inside a tidy. */
  apply(maps: readonly [tf.Tensor4D, tf.Tensor4D]): DetectorOutput
  dispose(): void
}

/** Initial score of all locations, so that the many empty ones do not dominate the loss (focal loss, section 4.1). */
const PRIOR = 0.01

/**
 * FCOS's head (Tian et al. 2019, arXiv:1904.01355) on one level: the coarse map is upsampled and added to the fine one (as in a
 * feature pyramid), followed by two 3x3 convolutions; then class, box and centre-ness predictions per location.
 */
export function detectionHead({
  channels,
  classes,
  stride,
  width = 96,
  seed,
}: DetectionHeadShape): DetectionHead {
  let stream = 0
  const kernel = (
    size: number,
    from: number,
    to: number,
    deviation = Math.sqrt(2 / (size * size * from)),
  ) => {
    const values = normals(derive(seed, stream++), size * size * from * to).map((value) => value * deviation)
    return tf.tidy(() => tf.variable(tf.tensor4d(values, [size, size, from, to])))
  }
  const bias = (length: number, value = 0) => tf.tidy(() => tf.variable(tf.fill([length], value)))
  const weights = {
    'fine/kernel': kernel(1, channels[0], width),
    'coarse/kernel': kernel(1, channels[1], width),
    'fused/bias': bias(width),
    'conv1/kernel': kernel(3, width, width),
    'conv1/bias': bias(width),
    'conv2/kernel': kernel(3, width, width),
    'conv2/bias': bias(width),
    'classes/kernel': kernel(3, width, classes, 0.01),
    'classes/bias': bias(classes, -Math.log((1 - PRIOR) / PRIOR)),
    'sides/kernel': kernel(3, width, 5, 0.01),
    'sides/bias': bias(5, 1),
  }
  const conv = (x: tf.Tensor4D, name: string) =>
    tf.conv2d(x, weights[`${name}/kernel` as keyof typeof weights] as unknown as tf.Tensor4D, 1, 'same')
  const withBias = (x: tf.Tensor4D, name: string) =>
    tf.add(conv(x, name), weights[`${name}/bias` as keyof typeof weights]) as tf.Tensor4D
  return {
    weights,
    apply([fine, coarse]) {
      const fused = tf.add(
        tf.add(conv(fine, 'fine'), doubled(conv(coarse, 'coarse'))),
        weights['fused/bias'],
      ) as tf.Tensor4D
      let x = tf.relu(fused)
      for (const name of ['conv1', 'conv2']) x = tf.relu(withBias(x, name))
      const [batch, height, across] = x.shape
      const places = height * across
      const logits = tf.reshape(withBias(x, 'classes'), [batch, places, classes])
      const box = tf.reshape(withBias(x, 'sides'), [batch, places, 5])
      const sides = tf.mul(tf.softplus(tf.slice(box, [0, 0, 0], [batch, places, 4])), stride)
      const centreness = tf.reshape(tf.slice(box, [0, 0, 4], [batch, places, 1]), [batch, places])
      return { logits, sides: sides as tf.Tensor3D, centreness } as DetectorOutput
    },
    dispose: () => tf.dispose(Object.values(weights)),
  }
}

/** Nearest-neighbour upsampling by a factor of 2. */
function doubled(x: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape
  const wide = tf.reshape(tf.stack([x, x], 3), [batch, height, 2 * width, channels])
  return tf.reshape(tf.stack([wide, wide], 2), [batch, 2 * height, 2 * width, channels])
}
