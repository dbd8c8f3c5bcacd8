import { assertRank, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { Attention } from './attention.js'

/** The parts of a vision transformer. They use the model's weights and accept any number of tokens. */
export interface VitParts {
  /** side of a patch in pixels */
  readonly patchSize: number
  /** number of patches per image; patches are in row order */
  readonly patches: number
  readonly width: number
  /** Projects each patch and adds its position: [batch, size, size, channels] to [batch, patches, width]. */
  embed(images: tf.Tensor4D): tf.Tensor3D
  /** number of learned tokens before the patches: the class token and the registers */
  readonly learned: number
  /** The class token with its position, then the registers if there are any, once per image: [batch, learned, width]. */
  classToken(batch: number): tf.Tensor3D
  /** Applies all blocks and the last normalisation: [batch, tokens, width] to the same shape, for any tokens in any order. */
  encode(tokens: tf.Tensor3D): tf.Tensor3D
}

/**
 * Splits a vision transformer into parts, to run its blocks on some of the patches, as a masked autoencoder does
 * (He et al. 2022, arXiv:2111.06377), or to obtain all output tokens instead of the class token only. Differentiable with
 * respect to the model's weights. The first token of `encode(class token and all patches)` equals the model's output.
 * @param model created by `visionTransformer`, such as `vitSmall`; the layers of a saved and loaded model only accept all tokens
 * @throws SelfsupError if it is a different model
 */
export function vitParts(model: LayersModel): VitParts {
  const depth = model.layers.filter((layer) => layer instanceof Attention).length
  const isVit = depth > 0 && model.layers.some(({ name }) => name === 'class-token')
  expected(
    isVit,
    `vitParts: the model must be created by visionTransformer, such as vitSmall; got ${model.name}`,
  )
  expected(
    model.layers.some(({ name }) => name === 'positions'),
    'vitParts: the model must have learned positions; rotary ones belong to the attention of all patches',
    { fix: "create it with positions: 'learned'" },
  )
  const apply = (name: string, x: tf.Tensor) => model.getLayer(name).apply(x) as tf.Tensor
  const weight = (layer: string, name: string) =>
    model
      .getLayer(layer)
      .weights.find(({ originalName }) => originalName.endsWith(name))!
      .read()
  const [patchSize, , , width] = weight('patches/projection', 'kernel').shape as [
    number,
    number,
    number,
    number,
  ]
  const tokens = weight('positions', 'beta').size / width
  const hasLayer = (name: string) => model.layers.some((layer) => layer.name === name)
  const registers = hasLayer('registers') ? weight('registers', 'beta').size / width : 0
  const positions = (from: number, count: number) =>
    tf.slice(tf.reshape(weight('positions', 'beta'), [1, tokens, width]), [0, from, 0], [1, count, width])

  const scaled = (name: string, x: tf.Tensor) => (hasLayer(name) ? apply(name, x) : x)
  const block = (x: tf.Tensor, name: string) => {
    const mixed = apply(`${name}/attention`, apply(`${name}/attention/qkv`, apply(`${name}/norm1`, x)))
    const attended = tf.add(x, scaled(`${name}/scale1`, apply(`${name}/attention/projection`, mixed)))
    const hidden = apply(`${name}/mlp/1`, apply(`${name}/norm2`, attended))
    const output = apply(`${name}/mlp/2`, apply(`${name}/mlp/gelu`, hidden))
    return tf.add(attended, scaled(`${name}/scale2`, output))
  }
  return {
    patchSize,
    patches: tokens - 1,
    width,
    learned: 1 + registers,
    embed: (images) =>
      tf.tidy(() => {
        const patches = tf.reshape(apply('patches/projection', images), [-1, tokens - 1, width])
        return tf.add(patches, positions(1, tokens - 1)) as tf.Tensor3D
      }),
    classToken: (batch) =>
      tf.tidy(() => {
        const token = tf.add(tf.reshape(weight('class-token', 'beta'), [1, 1, width]), positions(0, 1))
        const all =
          registers === 0
            ? token
            : tf.concat([token, tf.reshape(weight('registers', 'beta'), [1, registers, width])], 1)
        return tf.tile(all, [batch, 1, 1]) as tf.Tensor3D
      }),
    encode(tokens) {
      assertRank('vitParts.encode', 'tokens', tokens, 3, `[batch, tokens, ${width}]`)
      return tf.tidy(() => {
        let x: tf.Tensor = tokens
        for (let index = 1; index <= depth; index++) x = block(x, `block${index}`)
        return apply('norm', x) as tf.Tensor3D
      })
    },
  }
}
