import { derive, normals, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/** How kernels begin; biases follow: `default` draws them as PyTorch does, the others leave them 0. */
export type Initialisation = 'he' | 'default' | 'transformer'

/**
 * Draws a model's kernels from a seed on the host, so that they are the same on every engine. Batch
 * normalisations keep their ones and zeros.
 *
 * - `he`: normal with variance 2 / fan out for convolutions (He et al. 2015, arXiv:1502.01852; torchvision's
 *   ResNets), PyTorch's default for the rest
 * - `transformer`: normal with deviation 0.02 for dense kernels, class token and positions, biases 0 (DeiT: Touvron et
 *   al. 2021, arXiv:2012.12877); PyTorch's default for the projection of patches
 * - `default`: uniform within 1 / sqrt(fan in), kernels and biases, as PyTorch's Conv2d and Linear
 */
export function initialise(model: LayersModel, seed: number, initialisation: Initialisation): LayersModel {
  for (const [stream, weight] of model.trainableWeights.entries()) {
    const name = weight.originalName
    if (!isDrawn(name, initialisation)) continue
    const variable = weight.read() as tf.Variable
    const from = derive([seed, 0x1417], stream)
    const { shape, size } = variable
    const deviation = normalDeviation(name, shape, initialisation)
    const values =
      deviation === undefined
        ? uniforms(from, size).map((value) => (2 * value - 1) / Math.sqrt(fanIn(model, name, shape)))
        : normals(from, size).map((value) => value * deviation)
    const drawn = tf.tensor(values, shape)
    variable.assign(drawn)
    drawn.dispose()
  }
  return model
}

/** Class token and position embeddings: what a vision transformer adds to its patches. */
const TOKENS = ['class-token/beta', 'positions/beta']

function isDrawn(name: string, initialisation: Initialisation): boolean {
  if (initialisation !== 'transformer') return /(^|\/)(kernel|bias)$/.test(name)
  return name.endsWith('/kernel') || name === 'patches/projection/bias' || TOKENS.includes(name)
}

/** Of the normal distribution that a weight is drawn from; undefined: from PyTorch's uniform one. */
function normalDeviation(
  name: string,
  shape: readonly number[],
  initialisation: Initialisation,
): number | undefined {
  const convolution = shape.length === 4
  if (initialisation === 'he' && convolution) return Math.sqrt(2 / (shape[0]! * shape[1]! * shape[3]!))
  if (initialisation === 'transformer' && !name.startsWith('patches/')) return 0.02
  return undefined
}

function fanIn(model: LayersModel, name: string, shape: readonly number[]): number {
  const kernel = shape.length > 1 ? shape : kernelOf(model, name)
  return kernel.slice(0, -1).reduce((product, size) => product * size, 1)
}

/** The shape of the kernel beside a bias. */
function kernelOf(model: LayersModel, bias: string): readonly number[] {
  const name = bias.replace(/bias$/, 'kernel')
  return model.trainableWeights.find((weight) => weight.originalName === name)!.shape as number[]
}
