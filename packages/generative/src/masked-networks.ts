import { initialise, LayerNormalization, through, transformerBlock } from '@selfsup/backbones'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { sineCosinePositions } from './sine-cosine-positions.js'

/** Mean of the patch tokens, without the class token: [batch, 1 + patches, width] to [batch, width]. */
export function meanOfPatches(tokens: tf.Tensor3D): tf.Tensor2D {
  const [batch, count, width] = tokens.shape
  return tf.mean(tf.slice(tokens, [0, 1, 0], [batch, count - 1, width]), 1) as tf.Tensor2D
}

/** The class token, which is the first: [batch, 1 + patches, width] to [batch, width]. */
export function classToken(tokens: tf.Tensor3D): tf.Tensor2D {
  const [batch, , width] = tokens.shape
  return tf.reshape(tf.slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width])
}

/** Sets the encoder's position vectors to sines and cosines; that of the class token to 0. */
export function setPositions(backbone: tfl.LayersModel, side: number, width: number): void {
  const weights = backbone.getLayer('positions').weights
  const places = weights.find(({ originalName }) => originalName.endsWith('beta'))!.read() as tf.Variable
  const values = new Float32Array((side * side + 1) * width)
  values.set(sineCosinePositions(side, width), width)
  tf.tidy(() => places.assign(tf.tensor(values, places.shape)))
}

/** A linear layer that maps each token [rows, inputs] to [rows, units]. */
export function linear(name: string, [rows, inputs]: readonly [number, number], units: number, seed: number) {
  const input = tfl.input({ shape: [rows, inputs], name: 'tokens' })
  const layer = tfl.layers.dense({ name: 'linear', units, kernelInitializer: 'zeros' })
  return initialise(tfl.model({ inputs: input, outputs: through(layer, input), name }), seed, 'transformer')
}

/** Transformer blocks over all patches and the class token, then a linear layer to the values of each patch. */
export function decoderNetwork(patches: number, width: number, depth: number, values: number, seed: number) {
  const input = tfl.input({ shape: [patches + 1, width], name: 'tokens' })
  let x: tfl.SymbolicTensor = input
  for (let index = 1; index <= depth; index++) x = transformerBlock(x, `block${index}`, width / 32)
  x = through(new LayerNormalization({ name: 'norm' }), x)
  x = through(tfl.layers.dense({ name: 'patches', units: values, kernelInitializer: 'zeros' }), x)
  return initialise(tfl.model({ inputs: input, outputs: x, name: 'decoder' }), seed, 'transformer')
}
