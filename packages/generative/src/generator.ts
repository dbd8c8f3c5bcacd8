import {
  countHalvings,
  initialise,
  type Node,
  normalisationRelu,
  through,
  withoutAffine,
} from '@selfsup/backbones'
import { expected, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** Layers of generators and discriminators. */
export type NetworkKind = 'convolutional' | 'fullyConnected'

/**
 * Chooses the layers of a method's networks.
 * @throws SelfsupError if convolutions cannot generate images of this size
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
    kind === 'fullyConnected' || countHalvings(size),
    `${method}: strided convolutions need a size of 4 to 7 times a power of 2; got ${size} pixels; use a size such as 28, 32, 48, 64 or 96, or networks=fullyConnected`,
  )
  return kind
}

/** Converts logits of pixels to normalised images. */
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
  /** filters of the last hidden layer, doubled in each layer before; fully connected layers have 16 times as many units */
  readonly width?: number
  readonly seed?: number
}

/**
 * Creates a generator from latents to images. Convolutional: DCGAN's transposed 4x4 convolutions with batch normalisation and
 * ReLU, which double a small map up to the size of the image (Radford et al. 2016, arXiv:1511.06434, section 3). Fully
 * connected: two hidden layers, as BiGAN's for permutation-invariant MNIST (Donahue et al. 2017, arXiv:1605.09782,
 * appendix C), with normalisations without scale and shift.
 * @returns a model from [batch, latents] to [batch, size, size, channels], logits of pixels in 0..1
 * @throws SelfsupError if convolutions cannot reach the size by doublings
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
  const shape = { name: 'images', targetShape: [size, size, channels] }
  return through(tfl.layers.reshape(shape), linear(x, 'pixels', size * size * channels))
}

function doublings(latents: Node, size: number, channels: number, width: number): Node {
  const count = countHalvings(size)
  expected(
    count,
    `generator: convolutions need a size of 4 to 7 times a power of 2; got ${size} pixels; use a size such as 28, 32, 48, 64 or 96`,
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
      // Checkpoints contain this name.
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
