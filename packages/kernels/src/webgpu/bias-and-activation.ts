import * as tf from '@tensorflow/tfjs-core'
import { storedType } from './dispatch.js'
import { each, type RegisterTiles } from './register-tiles.js'
import type { WebgpuBackend } from './webgpu-backend.js'

/** What a product does with its sums before it stores them. */
export interface BiasAndActivation extends Pick<RegisterTiles, 'more' | 'finish'> {
  /** bound after the result */
  readonly tensors: readonly tf.TensorInfo[]
}

/**
 * The bias of each of `n` columns and the activation of TensorFlow.js's fused operations.
 * @returns undefined for biases of another shape and for activations other than ReLU
 */
export function biasAndActivation(
  backend: WebgpuBackend,
  { bias }: { readonly [name: string]: tf.TensorInfo | undefined },
  activation: string | null | undefined,
  n: number,
): BiasAndActivation | undefined {
  const rectify = activation === 'relu'
  if (!rectify && activation && activation !== 'linear') return undefined
  if (bias && (tf.util.sizeFromShape(bias.shape) !== n || bias.shape.at(-1) !== n)) return undefined
  const type = bias && storedType(backend, bias)
  const wide = n % 4 === 0 && type === 'f32'
  return {
    tensors: bias ? [bias] : [],
    more: type && { bias: wide ? 'vec4f' : type },
    finish(row, vector) {
      const sums = `s${row}${vector}`
      const column = `n0 + ${4 * vector}u`
      const lines = []
      if (wide) lines.push(`${sums} += bias[min(${column}, ${n - 4}u) / 4u];`)
      else if (bias)
        lines.push(each(4, (j) => `${sums}[${j}] += f32(bias[min(${column} + ${j}u, ${n - 1}u)]);`))
      if (rectify) lines.push(`${sums} = select(${sums}, vec4f(), ${sums} < vec4f());`)
      return lines.join('\n')
    },
  }
}
