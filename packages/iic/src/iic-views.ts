import { augmentation, grayNormalisation, normalise, resizedCrop, rotate } from '@selfsup/augment'
import { type CropSpec, expected, type ImageBatch, type Normalisation } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

export interface IicViewSettings {
  /** side of the views in pixels */
  readonly size: number
  /** transformed copies of each image */
  readonly copies: number
  /** side of the untransformed view's crop as part of the image's */
  readonly crop: number
  /** of grey images' copies, at most so many degrees either way */
  readonly rotation: number
  /** of grey images' copies, side of a square that is made black, as part of the copy's */
  readonly erase?: number
  /** of brightness and contrast (and saturation; hue a third) */
  readonly jitter: number
  readonly normalisation?: Normalisation
}

export interface IicViews {
  readonly crops: readonly CropSpec[]
  /** a plain view of each image, [batch, size, size, channels], and transformed ones, [copies * batch, ...], copy by copy */
  apply(batch: Pick<ImageBatch, 'images' | 'crops'>, seed: tf.Tensor1D): [tf.Tensor4D, tf.Tensor4D]
}

/** Coloured images: crops of one size; transformed ones mirrored and jittered (`sobel_make_transforms` of the authors' code). */
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

/** Sides of the copies' crops against the plain one's: for MNIST 16, 20 and 24 pixels against 20. */
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
 * Grey images: plain crops of one size, half of them from the middle; transformed ones turned (half of them), cut to one
 * of three sizes, brighter or darker, of more or less contrast (`greyscale_make_transforms` with the authors' settings
 * for MNIST).
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
        const draw = (stream: keyof typeof streams, shape: number[]) =>
          randomUniform(shape, foldIn(own, streams[stream]))
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
      `iic: the batch must hold images or ${crops.length} crops of each; it holds ${cut.length}`,
    )
    const [plain, ...rest] = cut
    return [tf.cast(plain!, 'float32'), turn(tf.concat(rest), draw)]
  }

  /** Of a part of the image's shorter side, in whole pixels. */
  function pixelsOf(part: number, [, height, width]: readonly number[]): number {
    return Math.max(1, Math.round(part * Math.min(height!, width!)))
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

  /** Half of the images, by up to the angle either way. */
  function turn(images: tf.Tensor4D, draw: Draw): tf.Tensor4D {
    if (rotation === 0) return tf.cast(images, 'float32')
    const [count] = images.shape
    const turned = tf.cast(tf.less(draw('turned', [count]), 0.5), 'float32')
    const angles = tf.mul(tf.sub(tf.mul(draw('angle', [count]), 2), 1), rotation)
    return rotate(images, tf.mul(angles, turned) as tf.Tensor1D)
  }

  /** Squares of a side of their own, at random places or from the middle. */
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

  /** A square of each image black, anywhere, also partly outside (Cutout, arXiv:1708.04552). */
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

  /** torchvision's ColorJitter of brightness, then contrast. */
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

/** From 0..255 to 0..1. */
function unit(pixels: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(pixels, 1 / 255)
}

/** Uniform numbers of a stream of their own. */
type Draw = (stream: keyof typeof streams, shape: number[]) => tf.Tensor

/**
 * The middle that plain views are cut from.
 * @param images [batch, height, width, channels]
 * @param crop its side as part of the shorter one
 * @param size side of what is returned, [batch, size, size, channels]
 */
export function middleOf(images: tf.Tensor4D, crop: number, size: number): tf.Tensor4D {
  const [batch, height, width] = images.shape
  const side = Math.max(1, Math.round(crop * Math.min(height, width)))
  const all = (value: number) => tf.fill([batch], value) as tf.Tensor1D
  const [top, left] = [height, width].map((length) => all(Math.floor((length - side) / 2))) as [
    tf.Tensor1D,
    tf.Tensor1D,
  ]
  return resizedCrop(images, { top, left, height: all(side), width: all(side) }, size)
}
