import { derive, normals, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel, LayerVariable, layers } from '@tensorflow/tfjs-layers'

/** How kernels are initialised. `default` also draws biases, as PyTorch does; the others set biases to 0. */
export type Initialisation = 'he' | 'default' | 'transformer'

/**
 * Draws a model's kernels from a seed on the host, so that they are the same on every engine. Does not change
 * normalisations.
 *
 * - `he`: normal with variance 2 / fan out for convolutions (He et al. 2015, arXiv:1502.01852; torchvision's
 *   ResNets), PyTorch's default for the rest
 * - `transformer`: normal with standard deviation 0.02 for dense kernels, class token and positions, biases 0 (DeiT:
 *   Touvron et al. 2021, arXiv:2012.12877); PyTorch's default for the projection of patches
 * - `default`: uniform within 1 / sqrt(fan in), kernels and biases, as PyTorch's Conv2d and Linear; within
 *   1 / sqrt(units) for recurrent layers, as its GRU and LSTM
 * @param model a model of any layers, including frozen ones. Create them with `kernelInitializer: 'zeros'` (and
 *   `recurrentInitializer`) to avoid drawing weights that are then replaced
 * @returns the model
 */
export function initialise(model: LayersModel, seed: number, initialisation: Initialisation): LayersModel {
  for (const [stream, { layer, weight }] of kernelsAndBiases(model).entries()) {
    const name = weight.originalName
    if (!isDrawn(name, initialisation)) continue
    const variable = weight.read() as tf.Variable
    const { shape, size } = variable
    const from = derive([seed, 0x1417], stream)
    const deviation = normalDeviation(name, layer, shape, initialisation)
    const values =
      deviation === undefined
        ? uniforms(from, size).map((value) => (2 * value - 1) / Math.sqrt(fanIn(layer, weight)))
        : normals(from, size).map((value) => value * deviation)
    const drawn = tf.tensor(values, shape)
    variable.assign(drawn)
    drawn.dispose()
  }
  return model
}

type Layer = layers.Layer

/** All weights of a model's layers, layer by layer, including frozen layers. */
function kernelsAndBiases(model: LayersModel): { layer: Layer; weight: LayerVariable }[] {
  return model.layers.flatMap((layer) =>
    'layers' in layer
      ? kernelsAndBiases(layer as LayersModel)
      : layer.weights.map((weight) => ({ layer, weight })),
  )
}

/** Class token, registers and position embeddings of a vision transformer. */
const TOKENS = ['class-token/beta', 'registers/beta', 'positions/beta']

function isDrawn(name: string, initialisation: Initialisation): boolean {
  const kernel = /(^|[/_])kernel$/.test(name)
  if (initialisation !== 'transformer') return kernel || /(^|\/)bias$/.test(name)
  return kernel || name === 'patches/projection/bias' || TOKENS.includes(name)
}

/** Standard deviation of a weight's normal distribution; undefined for PyTorch's uniform distribution. */
function normalDeviation(
  name: string,
  layer: Layer,
  shape: readonly number[],
  initialisation: Initialisation,
): number | undefined {
  const [height, width, third, fourth] = shape
  if (initialisation === 'he' && shape.length === 4 && /^Conv2D(Transpose)?$/.test(layer.getClassName())) {
    return Math.sqrt(2 / (height! * width! * (isTransposed(layer) ? third! : fourth!)))
  }
  if (initialisation === 'he' && name.endsWith('depthwise_kernel'))
    return Math.sqrt(2 / (height! * width! * fourth!))
  if (initialisation === 'transformer' && !name.startsWith('patches/')) return 0.02
  return undefined
}

/** Number of inputs of one output value. */
function fanIn(layer: Layer, weight: LayerVariable): number {
  const named = (suffix: string) => layer.weights.find(({ originalName }) => originalName.endsWith(suffix))
  const recurrent = named('recurrent_kernel')
  if (recurrent) return recurrent.shape[0]!
  const own = weight.shape.length > 1 ? weight : named('kernel')!
  const shape = own.shape as number[]
  const spatial = shape.slice(0, -2).reduce((product, size) => product * size, 1)
  // Kernels are [..., in, out], transposed convolutions' [..., out, in]; depthwise convolutions have one input channel.
  if (own.originalName.endsWith('depthwise_kernel')) return spatial
  return spatial * shape.at(isTransposed(layer) ? -1 : -2)!
}

function isTransposed(layer: Layer): boolean {
  return /^Conv[23]DTranspose$/.test(layer.getClassName())
}
