import { initialise, LayerNormalization, type Node, relu, through } from '@selfsup/backbones'
import { expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { Gru } from './gru.js'

export interface SeriesBackboneOptions {
  /** steps of a series */
  readonly time: number
  /** numbers of a step */
  readonly channels: number
  /** filters of each convolution over time; default one of 128 */
  readonly filters?: readonly number[]
  /** steps that each convolution sees, one for each of `filters`; default twice its stride, 1 for a stride of 1 */
  readonly kernels?: readonly number[]
  /** by how much each convolution shortens the series; default 1. The paper's for raw audio: 5, 4, 2, 2, 2 */
  readonly strides?: readonly number[]
  /** of the recurrent network; default 256 */
  readonly units?: number
  /** of the initial weights; default 1 */
  readonly seed?: number
}

/** Names of the layers whose outputs are the encodings z and the contexts c. */
export const seriesLayers = { encodings: 'encodings', contexts: 'contexts' } as const

/**
 * A backbone for series: convolutions over time, strided, that see no later step (the encoder g_enc, to z), and a GRU over
 * them (g_ar, to c), whose last state are the features (van den Oord et al. 2018, arXiv:1807.03748, section 2.2 and 3.1).
 * @returns a model from [batch, time, channels] to [batch, units]
 * @throws SelfsupError when lists differ in length, a kernel is narrower than its stride, or a series is shorter than the
 *   strides together
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
    `seriesBackbone: filters, kernels and strides must be as many, one at least; got ${filters.length}, ${kernels.length} and ${strides.length}`,
  )
  const shortest = strides.reduce((product, stride) => product * stride, 1)
  expected(
    time >= shortest,
    `seriesBackbone: strides of ${strides.join(', ')} make one encoding of ${shortest} steps, more than the series' ${time}; take smaller strides`,
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

/** Over [batch, time, 1, features]: each output sees its own `stride` steps and, with a wider kernel, those before. */
function convolve(
  node: Node,
  name: string,
  { filters, kernel, stride }: { filters: number; kernel: number; stride: number },
): Node {
  expected(
    kernel >= stride,
    `seriesBackbone: a kernel of ${kernel} at a stride of ${stride} leaves steps out; take one of at least ${stride}`,
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
