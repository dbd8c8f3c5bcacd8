import * as tfl from '@tensorflow/tfjs-layers'

/**
 * What a convolutional backbone averages over the image at its end, before it does: where in the image something is,
 * which a decoder wants to know and pooled features no longer tell. Shares all layers with the backbone; it is not to be
 * disposed of.
 * @returns a model from images to [batch, height, width, channels], or undefined when the backbone ends otherwise
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
