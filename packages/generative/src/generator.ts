import {
  halvingsOf,
  initialise,
  type Node,
  normalisationRelu,
  through,
  withoutAffine,
} from '@selfsup/backbones'
import { expected, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** What networks that make or judge images are built of. */
export type NetworkKind = 'convolutional' | 'fullyConnected'

/**
 * What a method's networks are to be built of.
 * @throws SelfsupError when convolutions can't make images of the size
 */
export function kindFor(
  method: string,
  chosen: NetworkKind | 'auto',
  backbone: tfl.LayersModel,
  size: number,
): NetworkKind {
  const convolves = backbone.layers.some((layer) => /Conv/.test(layer.getClassName()))
  const kind = chosen !== 'auto' ? chosen : convolves ? 'convolutional' : 'fullyConnected'
  expected(
    kind === 'fullyConnected' || halvingsOf(size),
    `${method}: strided convolutions halve or double between ${size} pixels and 4 to 7, which whole factors of 2 don’t; take a size such as 28, 32, 48, 64 or 96, or networks=fullyConnected`,
  )
  return kind
}

/** Logits of pixels as images, normalised as real ones are. */
export function fromLogits(logits: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => {
    const pixels = tf.sigmoid(logits)
    const [shift, scale] = [tf.tensor1d([...mean]), tf.tensor1d(std.map((s) => 1 / s))]
    return tf.mul(tf.sub(pixels, shift), scale)
  })
}

export interface GeneratorOptions {
  readonly kind: NetworkKind
  readonly latents: number
  /** side of the images in pixels */
  readonly size: number
  readonly channels: number
  /** filters of the last hidden map, twice as many in each before; or units of both hidden layers, divided by 16 */
  readonly width?: number
  readonly seed?: number
}

/**
 * From latents to images: DCGAN's transposed 4x4 convolutions, which double a small map until it is the image, normalised
 * and rectified (Radford et al. 2016, arXiv:1511.06434, section 3); or two hidden linear layers, as BiGAN's for
 * permutation-invariant MNIST (Donahue et al. 2017, arXiv:1605.09782, appendix C), whose normalisations learn no scale and shift.
 * @returns a model from [batch, latents] to [batch, size, size, channels], logits of pixels 0..1
 * @throws SelfsupError when a convolutional one can't reach the size by doublings
 */
export function generator({
  kind,
  latents,
  size,
  channels,
  width = 64,
  seed = 1,
}: GeneratorOptions): tfl.LayersModel {
  const input = tfl.input({ shape: [latents], name: 'latents' })
  const outputs =
    kind === 'convolutional'
      ? doublings(input, size, channels, width)
      : linearLayers(input, size, channels, 16 * width)
  const model = initialise(tfl.model({ inputs: input, outputs, name: 'generator' }), seed, 'transformer')
  return kind === 'convolutional' ? model : withoutAffine(model)
}

function linearLayers(latents: Node, size: number, channels: number, units: number): Node {
  let x = latents
  for (const layer of ['1', '2']) {
    x = linear(x, layer, units, false)
    x = normalisationRelu(x, `${layer}/bn`, `${layer}/relu`)
  }
  const shape = { name: 'pictures', targetShape: [size, size, channels] }
  return through(tfl.layers.reshape(shape), linear(x, 'pixels', size * size * channels))
}

function doublings(latents: Node, size: number, channels: number, width: number): Node {
  const count = halvingsOf(size)
  expected(
    count,
    `generator: each convolution doubles a map of 4 to 7 pixels; ${size} pixels are not reached; take a size such as 28, 32, 48, 64 or 96`,
  )
  const start = size / 2 ** count
  const first = width * 2 ** (count - 1)
  const flat = linear(latents, 'start/linear', start * start * first, false)
  const map = { name: 'start/map', targetShape: [start, start, first] }
  let x = through(tfl.layers.reshape(map), flat)
  x = normalisationRelu(x, 'start/bn', 'start/relu')
  for (let stage = 1; stage <= count; stage++) {
    const last = stage === count
    const convolution = tfl.layers.conv2dTranspose({
      name: last ? 'pictures' : `stage${stage}/conv`,
      filters: last ? channels : width * 2 ** (count - 1 - stage),
      kernelSize: 4,
      strides: 2,
      padding: 'same',
      useBias: last,
      kernelInitializer: 'zeros',
    })
    x = through(convolution, x)
    if (!last) x = normalisationRelu(x, `stage${stage}/bn`, `stage${stage}/relu`)
  }
  return x
}

/** A linear layer. */
export function linear(x: Node, name: string, units: number, useBias = true): Node {
  return through(tfl.layers.dense({ name, units, useBias, kernelInitializer: 'zeros' }), x)
}
