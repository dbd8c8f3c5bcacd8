import * as tfl from '@tensorflow/tfjs-layers'

/**
 * The intermediate feature maps of a convolutional backbone: the last map of each of its coarsest resolutions.
 * The model shares all layers with the backbone; do not dispose it.
 * @param count number of resolutions
 * @returns a model from images to `count` maps [batch, height, width, channels], each half the size of the one before;
 *   undefined if the backbone has fewer resolutions or does not end in the mean over a map
 */
export function featureMaps(backbone: tfl.LayersModel, count = 2): tfl.LayersModel | undefined {
  if (!backbone.layers.at(-1)!.getClassName().startsWith('GlobalAveragePooling2D')) return undefined
  const size = backbone.inputs[0]!.shape[1]!
  const lastOf = new Map<number, tfl.SymbolicTensor>()
  for (const layer of backbone.layers.slice(0, -1)) {
    // The sizes after padding may look like a resolution.
    if (layer.getClassName().startsWith('ZeroPadding') || Array.isArray(layer.output)) continue
    const [, height, width, channels] = layer.output.shape
    if (!height || height !== width || !channels || layer.output.shape.length !== 4) continue
    lastOf.set(height, layer.output)
  }
  const coarsest = [...lastOf.keys()]
    .sort((a, b) => a - b)
    .slice(0, count)
    .reverse()
  const halving = coarsest.every((side, i) => i === 0 || coarsest[i - 1] === 2 * side)
  if (coarsest.length < count || !halving || coarsest[0]! > size) return undefined
  return tfl.model({
    inputs: backbone.inputs,
    outputs: coarsest.map((side) => lastOf.get(side)!),
    name: `${backbone.name}-maps`,
  })
}
