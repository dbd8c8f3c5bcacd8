import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** A network that computes features and, if it has one, a map of the image. It shares the layers of the network it was made from. */
export interface FeaturesAndMap {
  /** number of features */
  readonly features: number
  /** channels of the map; undefined if the network has none */
  readonly channels?: number
  apply(
    images: tf.Tensor4D,
    settings: { readonly training: boolean },
  ): {
    readonly features: tf.Tensor2D
    /** [batch, side, side, channels] */
    readonly map?: tf.Tensor4D
  }
}

/**
 * Finds the map of a network: of a convolutional network the last one, of a vision transformer the tokens of the patches
 * after the last normalisation that all tokens pass through.
 */
export function featuresAndMap(model: tfl.LayersModel): FeaturesAndMap {
  const features = model.outputs[0]!
  const found = tokensOf(model) ?? mapOf(model)
  if (!found)
    return {
      features: features.shape.at(-1)!,
      apply: (images, settings) => ({ features: first(model.apply(images, settings)) }),
    }
  const both = tfl.model({ inputs: model.inputs, outputs: [features, found], name: `${model.name}-with-map` })
  return {
    features: features.shape.at(-1)!,
    channels: found.shape.at(-1)!,
    apply(images, settings) {
      const [features, map] = both.apply(images, settings) as [tf.Tensor2D, tf.Tensor]
      return { features, map: map.rank === 4 ? (map as tf.Tensor4D) : grid(map as tf.Tensor3D) }
    },
  }
}

function first(outputs: unknown): tf.Tensor2D {
  return (Array.isArray(outputs) ? outputs[0] : outputs) as tf.Tensor2D
}

/** The last map with more than one position that no padding follows directly. */
function mapOf(model: tfl.LayersModel): tfl.SymbolicTensor | undefined {
  return last(model, (layer, { shape }) => {
    const [, height, width] = shape
    const computes = !/^(ZeroPadding|InputLayer)/.test(layer.getClassName())
    return computes && shape.length === 4 && height === width && height! > 1
  })
}

/** Tokens [batch, tokens, width] after a layer normalisation. */
function tokensOf(model: tfl.LayersModel): tfl.SymbolicTensor | undefined {
  return last(
    model,
    (layer, { shape }) =>
      layer.getClassName() === 'LayerNormalization' && shape.length === 3 && shape[1]! > 4,
  )
}

function last(
  { layers }: tfl.LayersModel,
  fits: (layer: tfl.layers.Layer, output: tfl.SymbolicTensor) => boolean,
): tfl.SymbolicTensor | undefined {
  for (const layer of [...layers].reverse())
    if (layer.inboundNodes.length === 1 && !Array.isArray(layer.output) && fits(layer, layer.output))
      return layer.output
  return undefined
}

/** The tokens of the patches as a square map. They follow the class token and other tokens that belong to no patch. */
function grid(tokens: tf.Tensor3D): tf.Tensor4D {
  const [, count, width] = tokens.shape
  const side = Math.floor(Math.sqrt(count - 1))
  const patches = tf.slice(tokens, [0, count - side * side, 0], [-1, side * side, width])
  return tf.reshape(patches, [-1, side, side, width])
}
