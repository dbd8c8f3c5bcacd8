import * as tfl from '@tensorflow/tfjs-layers'

/**
 * Feature map of a convolutional backbone before its global average pooling. It keeps the positions that a decoder needs, and
 * that pooled features lose. The model shares all layers with the backbone; do not dispose of it.
 * @returns a model from images to [batch, height, width, channels], or undefined if the backbone has no global average pooling
 */
export function featureMap(backbone: tfl.LayersModel): tfl.LayersModel | undefined {
  const last = backbone.layers.at(-1)!
  if (!last.getClassName().startsWith('GlobalAveragePooling2D')) return undefined
  return tfl.model({
    inputs: backbone.inputs,
    outputs: last.input as tfl.SymbolicTensor,
    name: `${backbone.name}-map`,
  })
}
