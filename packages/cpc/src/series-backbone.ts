import { initialise, LayerNormalization, type Node, relu, through } from '@selfsup/backbones'
import { expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { Gru } from './gru.js'

export interface SeriesBackboneOptions {
  /** number of steps of a series */
  readonly time: number
  /** number of values per step */
  readonly channels: number
  /** number of filters of each convolution over time; default one convolution with 128 */
  readonly filters?: readonly number[]
  /** kernel size of each convolution; default twice its stride, or 1 for a stride of 1 */
  readonly kernels?: readonly number[]
  /** stride of each convolution; default 1. The paper uses 5, 4, 2, 2, 2 for raw audio */
  readonly strides?: readonly number[]
  /** number of units of the recurrent network; default 256 */
  readonly units?: number
  /** seed of the initial weights; default 1 */
  readonly seed?: number
}

/** Names of the layers whose outputs are the encodings z and the contexts c. */
export const seriesLayers = { encodings: 'encodings', contexts: 'contexts' } as const

/**
 * Creates a backbone for series: causal strided convolutions over time (the encoder g_enc, which computes z), followed by a
 * GRU (g_ar, which computes c). The features are the last state of the GRU (van den Oord et al. 2018, arXiv:1807.03748,
 * sections 2.2 and 3.1).
 * @returns a model from [batch, time, channels] to [batch, units]
 * @throws SelfsupError when the lists differ in length, a kernel is smaller than its stride, or a series is shorter than
 *   the product of the strides
 */
export function seriesBackbone({
  time,
  channels,
  filters = [128],
  strides = filters.map(() => 1),
  kernels = strides.map((stride) => (stride === 1 ? 1 : 2 * stride)),
  units = 256,
  seed = 1,
}: SeriesBackboneOptions): tfl.LayersModel {
  expected(
    filters.length > 0 && filters.length === kernels.length && filters.length === strides.length,
    `seriesBackbone: filters, kernels and strides must have the same length, at least 1; got ${filters.length}, ${kernels.length} and ${strides.length}`,
  )
  const shortest = strides.reduce((product, stride) => product * stride, 1)
  expected(
    time >= shortest,
    `seriesBackbone: with strides of ${strides.join(', ')} a series must have at least ${shortest} steps; got ${time}; use smaller strides`,
  )
  const input = tfl.input({ shape: [time, channels], name: 'series' })
  let x = reshape(input, 'column', [time, 1, channels])
  for (const [index, width] of filters.entries())
    x = convolve(x, `stage${index + 1}`, { filters: width, kernel: kernels[index]!, stride: strides[index]! })
  const [, steps, , features] = x.shape as [null, number, number, number]
  const encodings = reshape(x, seriesLayers.encodings, [steps, features])
  const contexts = through(new Gru({ name: seriesLayers.contexts, units }), encodings)
  const model = tfl.model({ inputs: input, outputs: lastStep(contexts), name: 'series' })
  return initialise(model, seed, 'default')
}

/** Causal convolution over [batch, time, 1, features]: each output depends on its own `stride` steps and, with a larger kernel, on earlier ones. */
function convolve(
  node: Node,
  name: string,
  { filters, kernel, stride }: { filters: number; kernel: number; stride: number },
): Node {
  expected(
    kernel >= stride,
    `seriesBackbone: a kernel must be at least as large as its stride, ${stride}; got ${kernel}, which skips steps; set the kernel to at least ${stride}`,
  )
  const padding: [[number, number], [number, number]] = [
    [kernel - stride, 0],
    [0, 0],
  ]
  const padded = through(tfl.layers.zeroPadding2d({ name: `${name}/before`, padding }), node)
  const conv = tfl.layers.conv2d({
    name: `${name}/conv`,
    filters,
    kernelSize: [kernel, 1],
    strides: [stride, 1],
    useBias: false,
    kernelInitializer: 'zeros',
  })
  const normalised = through(
    new LayerNormalization({ name: `${name}/ln`, epsilon: 1e-5 }),
    through(conv, padded),
  )
  return relu(normalised, `${name}/relu`)
}

/** [batch, time, features] to [batch, features]. */
function lastStep(node: Node): Node {
  const [, time, features] = node.shape as [null, number, number]
  const cropping: [[number, number], [number, number]] = [
    [time - 1, 0],
    [0, 0],
  ]
  const column = reshape(node, 'contexts/column', [time, 1, features])
  return reshape(through(tfl.layers.cropping2D({ name: 'last', cropping }), column), 'features', [features])
}

function reshape(node: Node, name: string, targetShape: number[]): Node {
  return through(tfl.layers.reshape({ name, targetShape }), node)
}
