import { augmentation, grayNormalisation, normalise, resizedCrop, rotate } from '@selfsup/augment'
import { type CropSpec, expected, type ImageBatch, type Normalisation } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

export interface IicViewSettings {
  /** side of the views in pixels */
  readonly size: number
  /** transformed copies of each image */
  readonly copies: number
  /** side of the plain view's crop, as a fraction of the image's side */
  readonly crop: number
  /** grey images: maximum rotation of the copies in degrees, in both directions */
  readonly rotation: number
  /** grey images: side of a black square in each copy, as a fraction of the copy's side */
  readonly erase?: number
  /** maximum change of brightness and contrast; for colour images also of saturation, and a third of it for hue */
  readonly jitter: number
  readonly normalisation?: Normalisation
}

export interface IicViews {
  readonly crops: readonly CropSpec[]
  /** Returns a plain view of each image, [batch, size, size, channels], and the transformed copies, [copies * batch, ...], copy by copy. */
  apply(batch: Pick<ImageBatch, 'images' | 'crops'>, seed: tf.Tensor1D): [tf.Tensor4D, tf.Tensor4D]
}

/** Views of colour images: crops of a fixed size. Copies are also flipped and jittered (`sobel_make_transforms` in the authors' code). */
export function colourViews({ size, copies, crop, jitter, normalisation }: IicViewSettings): IicViews {
  const view = { size, scale: [crop ** 2, crop ** 2], ratio: [1, 1] } as const
  const transformed = {
    ...view,
    horizontalFlip: 0.5,
    jitter: {
      probability: 1,
      brightness: jitter,
      contrast: jitter,
      saturation: jitter,
      hue: jitter * 0.3125,
    },
  }
  const all = augmentation([view, ...Array.from({ length: copies }, () => transformed)], normalisation)
  return {
    crops: all.crops,
    apply(batch, seed) {
      const [plain, ...rest] = all.apply(batch, seed)
      return [plain!, tf.concat(rest)]
    },
  }
}

/** Sides of the copies' crops relative to the plain view's: for MNIST 16, 20 and 24 pixels relative to 20. */
const SIDES = [0.8, 1, 1.2] as const
const GRAY_STREAM = 0x11c9
const streams = {
  plain: 0,
  centred: 1,
  turned: 2,
  angle: 3,
  side: 4,
  place: 5,
  brightness: 6,
  contrast: 7,
  hole: 8,
} as const

/**
 * Views of grey images. Plain views are crops of a fixed size, half of them from the centre. Half of the copies are rotated;
 * all are cropped to one of three sizes and change in brightness and contrast (`greyscale_make_transforms` with the
 * authors' settings for MNIST).
 */
export function grayViews(settings: IicViewSettings): IicViews {
  const { size, copies, crop, rotation, erase = 0, jitter, normalisation = grayNormalisation } = settings
  const sides = SIDES.map((part) => Math.min(1, part * crop))
  const spec = (smallest: number, largest: number, stream: number): CropSpec => ({
    size,
    scale: [smallest ** 2, largest ** 2],
    ratio: [1, 1],
    stream,
  })
  const crops = [
    spec(crop, crop, 0),
    ...Array.from({ length: copies }, (_, copy) => spec(sides[0]!, sides[2]!, 1 + copy)),
  ]

  return {
    crops,
    apply: (batch, seed) =>
      tf.tidy(() => {
        const own = foldIn(seed, GRAY_STREAM)
        const [images] = (batch.images ?? batch.crops![0]!).shape
        const draw = (stream: keyof typeof streams, shape: number[]) => {
          const count = tf.util.sizeFromShape(shape)
          return tf.reshape(randomUniform([count], foldIn(own, streams[stream]), { images }), shape)
        }
        const [plain, cut] = batch.images ? fromWhole(batch.images, draw) : fromCrops(batch.crops, draw)
        return [
          normalise(unit(plain), normalisation),
          normalise(erased(jittered(unit(cut), draw), draw), normalisation),
        ]
      }),
  }

  function fromWhole(images: tf.Tensor4D, draw: Draw): [tf.Tensor4D, tf.Tensor4D] {
    return [plainCrops(images, draw), copiesOf(images, draw)]
  }

  function fromCrops(cut: readonly tf.Tensor4D[] = [], draw: Draw): [tf.Tensor4D, tf.Tensor4D] {
    expected(
      cut.length === crops.length,
      `iic: the batch must contain images or ${crops.length} crops of each; got ${cut.length} crops`,
    )
    const [plain, ...rest] = cut
    return [tf.cast(plain!, 'float32'), turn(tf.concat(rest), draw)]
  }

  function plainCrops(images: tf.Tensor4D, draw: Draw): tf.Tensor4D {
    const [batch] = images.shape
    const side = pixelsOf(crop, images.shape)
    const centred = tf.less(draw('centred', [batch]), 0.5)
    const places = draw('plain', [2, batch])
    return cutOut(images, tf.fill([batch], side), places, centred)
  }

  function copiesOf(images: tf.Tensor4D, draw: Draw): tf.Tensor4D {
    const count = copies * images.shape[0]
    const turned = turn(tf.tile(images, [copies, 1, 1, 1]), draw)
    const choice = tf.floor(tf.mul(draw('side', [count]), sides.length))
    const chosen = sides.map((part, i) =>
      tf.mul(tf.cast(tf.equal(choice, i), 'float32'), pixelsOf(part, images.shape)),
    )
    return cutOut(turned, tf.addN(chosen), draw('place', [2, count]))
  }

  /** Rotates half of the images by a random angle. */
  function turn(images: tf.Tensor4D, draw: Draw): tf.Tensor4D {
    if (rotation === 0) return tf.cast(images, 'float32')
    const [count] = images.shape
    const turned = tf.cast(tf.less(draw('turned', [count]), 0.5), 'float32')
    const angles = tf.mul(tf.sub(tf.mul(draw('angle', [count]), 2), 1), rotation)
    return rotate(images, tf.mul(angles, turned) as tf.Tensor1D)
  }

  /** Crops a square of a given side from each image, at a random place or from the centre. */
  function cutOut(images: tf.Tensor4D, side: tf.Tensor, places: tf.Tensor, centred?: tf.Tensor): tf.Tensor4D {
    const [, height, width] = images.shape
    const [down, across] = tf.unstack(places) as [tf.Tensor, tf.Tensor]
    const place = (length: number, drawn: tf.Tensor) => {
      const room = tf.sub(length, side)
      const random = tf.floor(tf.mul(drawn, tf.add(room, 1)))
      return (centred ? tf.where(centred, tf.floor(tf.div(room, 2)), random) : random) as tf.Tensor1D
    }
    const box = { top: place(height, down), left: place(width, across) }
    return resizedCrop(images, { ...box, height: side as tf.Tensor1D, width: side as tf.Tensor1D }, size)
  }

  /** Makes a square of each image black. It may extend beyond the image (Cutout, arXiv:1708.04552). */
  function erased(images: tf.Tensor4D, draw: Draw): tf.Tensor4D {
    if (erase === 0) return images
    const [count, height, width] = images.shape
    const [down, across] = tf.unstack(draw('hole', [2, count]))
    const kept = (length: number, drawn: tf.Tensor) => {
      const middles = tf.reshape(tf.mul(drawn, length), [count, 1])
      const pixels = tf.reshape(tf.add(tf.range(0, length), 0.5), [1, length])
      return tf.cast(tf.greater(tf.abs(tf.sub(pixels, middles)), (erase * length) / 2), 'float32')
    }
    const rows = tf.reshape(kept(height, down!), [count, height, 1, 1])
    const columns = tf.reshape(kept(width, across!), [count, 1, width, 1])
    return tf.mul(images, tf.maximum(rows, columns)) as tf.Tensor4D
  }

  /** Brightness, then contrast, as torchvision's ColorJitter. */
  function jittered(images: tf.Tensor4D, draw: Draw): tf.Tensor4D {
    if (jitter === 0) return images
    const [count] = images.shape
    const factor = (stream: 'brightness' | 'contrast') =>
      tf.reshape(tf.add(1 - jitter, tf.mul(draw(stream, [count]), 2 * jitter)), [count, 1, 1, 1])
    const bright = tf.clipByValue(tf.mul(images, factor('brightness')), 0, 1)
    const mean = tf.mean(bright, [1, 2, 3], true)
    const contrasted = tf.add(mean, tf.mul(tf.sub(bright, mean), factor('contrast')))
    return tf.clipByValue(contrasted, 0, 1) as tf.Tensor4D
  }
}

/** A fraction of the image's shorter side, rounded to whole pixels. */
function pixelsOf(part: number, [, height, width]: readonly number[]): number {
  return Math.max(1, Math.round(part * Math.min(height!, width!)))
}

/** Scales 0..255 to 0..1. */
function unit(pixels: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(pixels, 1 / 255)
}

/** Draws uniform numbers from a named random stream. */
type Draw = (stream: keyof typeof streams, shape: number[]) => tf.Tensor

/**
 * Centre crop of images, resized.
 * @param images [batch, height, width, channels]
 * @param crop side of the crop, as a fraction of the shorter side
 * @param size side of the result, [batch, size, size, channels]
 */
export function middleOf(images: tf.Tensor4D, crop: number, size: number): tf.Tensor4D {
  const [batch, height, width] = images.shape
  const side = pixelsOf(crop, images.shape)
  const all = (value: number) => tf.fill([batch], value) as tf.Tensor1D
  const [top, left] = [height, width].map((length) => all(Math.floor((length - side) / 2))) as [
    tf.Tensor1D,
    tf.Tensor1D,
  ]
  return resizedCrop(images, { top, left, height: all(side), width: all(side) }, size)
}
