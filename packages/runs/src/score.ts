import { encoderOf, expected, type ImageDataset, type Method, type Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { TrainSettings } from '@selfsup/run-folder'
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'

/** Number of images from which RankMe is computed, which is at most this. */
const IMAGES = 2048
/** Images and views of each from which LiDAR is computed; about as many passes through the network. */
const LIDAR_IMAGES = 256
const LIDAR_VIEWS = 10

/** Options of `scoreOf`. */
export interface ScoreOptions {
  /** default rankme */
  readonly by?: TrainSettings['stopBy']
  readonly signal?: AbortSignal
}

/**
 * Creates the score by which runs stop early. It needs no labels. RankMe is the effective rank of the features of up to 2,048 training
 * images (Garrido et al. 2023, arXiv:2210.02885). LiDAR is the effective rank of what distinguishes up to 256 of them from each
 * other more than 10 views of each (Thilak et al. 2023, arXiv:2312.04000); the views are MoCo v2's, the same for each score.
 * @throws SelfsupError if the method has no normalisation or its images no fixed size
 */
export function scoreOf(
  method: Method,
  images: ImageDataset,
  engine: Engine,
  { by = 'rankme', signal }: ScoreOptions = {},
): () => Promise<number> {
  const { normalisation, imageShape, networks } = method
  const size = imageShape?.size ?? networks.backbone.inputs[0]!.shape[1]
  expected(
    normalisation && size,
    `${method.name}: stopping early needs a method of images of one size, with a normalisation`,
  )
  if (by === 'lidar') return () => lidarOf(method, images, { normalisation, size, signal })
  return async () => {
    const { effectiveRank, extractFeatures } = await import('@selfsup/evaluation')
    const settings = { normalisation, size, engine, limit: IMAGES, signal }
    return effectiveRank(await extractFeatures(encoderOf(method), images, settings))
  }
}

async function lidarOf(
  method: Method,
  images: ImageDataset,
  settings: { readonly normalisation: Normalisation; readonly size: number; readonly signal?: AbortSignal },
): Promise<number> {
  const [{ extractFeatures, lidar }, { chooseOneView, mocoV2Recipe }, tf] = await Promise.all([
    import('@selfsup/evaluation'),
    import('@selfsup/augment'),
    import('@tensorflow/tfjs-core'),
  ])
  const { normalisation, size } = settings
  const { channels } = images
  const choice = {
    views: channels === 3 ? 'colour' : 'gray',
    jitter: 1,
    blur: 'auto',
    minScale: 'auto',
  } as const
  const augmentation = chooseOneView({ size, channels, normalisation }, choice, mocoV2Recipe)
  const encode = encoderOf(method)
  const view =
    (number: number) =>
    (normalised: Tensor4D): Tensor2D => {
      // Augmentations take pixels.
      const { mean, std } = normalisation
      const pixels = tf.clipByValue(tf.mul(tf.add(tf.mul(normalised, std), mean), 255), 0, 255)
      const seed = tf.tensor1d([number, 0x11da], 'int32')
      const batch = { images: tf.cast(tf.round(pixels), 'int32') as Tensor4D }
      return encode(augmentation.apply(batch, seed)[0]!)
    }
  let rows = new Float32Array(0)
  let [count, width] = [0, 0]
  for (let number = 0; number < LIDAR_VIEWS; number++) {
    const features = await extractFeatures(view(number), images, { ...settings, limit: LIDAR_IMAGES })
    if (number === 0) {
      ;({ count, width } = features)
      rows = new Float32Array(count * LIDAR_VIEWS * width)
    }
    // The views of an image follow each other.
    for (let row = 0; row < count; row++)
      rows.set(features.values.subarray(row * width, (row + 1) * width), (row * LIDAR_VIEWS + number) * width)
  }
  return lidar({ values: rows, count: count * LIDAR_VIEWS, width }, { views: LIDAR_VIEWS })
}
