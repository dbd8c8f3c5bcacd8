import { convBnRelu, initialise, type Node, normalisationRelu, through } from '@selfsup/backbones'
import { expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'

export interface DecoderOptions {
  /** number of features of a vector, or [height, width, channels] of a map */
  readonly inputs: number | readonly [height: number, width: number, channels: number]
  /** side of the images in pixels */
  readonly size: number
  /** channels of the images; default 3 */
  readonly channels?: number
  /**
   * filters after each doubling; with n doublings the size must be divisible by 2^n. Default: for a map, as many doublings as
   * it needs; for a vector, as many as possible with an initial map of at least 4 pixels. The last has `width` filters, and
   * each one before it twice as many
   */
  readonly widths?: readonly number[]
  /** filters at full size without `widths`; default 32 */
  readonly width?: number
  /** normalisation, as in the backbones; default 'batch' */
  readonly norm?: 'batch' | 'layer'
  /** seed of the initial weights; default 1 */
  readonly seed?: number
  /** name of the model, and prefix of error messages; default `decoder` */
  readonly name?: string
}

/**
 * Creates a decoder from features to images. A linear layer turns a vector into a small map. The map is upsampled by 2
 * (nearest neighbour) and convolved (3x3, normalisation, ReLU) until it has the size of the image; a last convolution computes
 * the image. Unlike transposed convolutions, this leaves no checkerboard artifacts (Odena et al. 2016,
 * distill.pub/2016/deconv-checkerboard).
 * @returns a model from [batch, inputs] or [batch, height, width, channels] to [batch, size, size, channels], with linear
 *   output: its range is not limited
 * @throws SelfsupError if there are no inputs or channels, or doublings do not reach the size
 */
export function decoder({
  inputs,
  size,
  channels = 3,
  width = 32,
  norm = 'batch',
  seed = 1,
  name = 'decoder',
  ...options
}: DecoderOptions): tfl.LayersModel {
  const shape = typeof inputs === 'number' ? [inputs] : [...inputs]
  for (const [what, value] of Object.entries({ inputs: Math.min(...shape), size, channels, width }))
    expected(
      Number.isInteger(value) && value >= 1,
      `${name}: ${what} must be a whole number of at least 1; got ${value}`,
    )
  const doublings = options.widths?.length ?? doublingsTo(size, shape)
  const widths =
    options.widths ?? Array.from({ length: doublings }, (_, i) => width * 2 ** (doublings - 1 - i))
  const start = size / 2 ** doublings
  if (shape.length === 3) {
    expected(
      shape[0] === start && shape[1] === start,
      `${name}: ${doublings} doublings of a ${shape[0]}x${shape[1]} map do not give an image of ${size} pixels; use images whose size is a multiple of ${2 ** doublings}`,
    )
  }
  expected(
    Number.isInteger(start),
    `${name}: the size must be divisible by ${2 ** doublings}, for ${doublings} doublings; got ${size}`,
  )
  const input = tfl.input({ shape, name: 'features' })
  const first = widths.length > 0 ? widths[0]! * 2 : width
  let x: Node = shape.length === 3 ? input : asMap(input, start, first, norm)
  for (const [index, filters] of widths.entries()) {
    const stage = `stage${index + 1}`
    const doubled = through(tfl.layers.upSampling2d({ name: `${stage}/double`, size: [2, 2] }), x)
    x = convBnRelu(doubled, stage, filters, 3, 1, norm)
  }
  const last = tfl.layers.conv2d({
    name: 'pictures', // checkpoints contain this name
    filters: channels,
    kernelSize: 3,
    padding: 'same',
    kernelInitializer: 'zeros',
  })
  return initialise(tfl.model({ inputs: input, outputs: through(last, x), name }), seed, 'default')
}

/** Number of doublings from a map, or for a vector from a map of at least 4 pixels, to the size; rounded if it is not a whole number. */
function doublingsTo(size: number, shape: readonly number[]): number {
  if (shape.length === 3) return Math.max(0, Math.round(Math.log2(size / shape[0]!)))
  let doublings = 0
  while (size % 2 ** (doublings + 1) === 0 && size / 2 ** (doublings + 1) >= 4) doublings++
  return doublings
}

function asMap(features: Node, side: number, width: number, norm: DecoderOptions['norm']): Node {
  const linear = tfl.layers.dense({
    name: 'start/linear',
    units: side * side * width,
    useBias: false,
    kernelInitializer: 'zeros',
  })
  const map = tfl.layers.reshape({ name: 'start/map', targetShape: [side, side, width] })
  return normalisationRelu(through(map, through(linear, features)), 'start/bn', 'start/relu', norm)
}
