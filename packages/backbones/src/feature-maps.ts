import * as tfl from '@tensorflow/tfjs-layers'

/**
 * What a convolutional backbone makes on the way to its features, where in the picture something is: the last map of each
 * of its coarsest resolutions. Shares all layers with the backbone; it is not to be disposed of.
 * @param count how many resolutions
 * @returns a model from pictures to as many maps [batch, height, width, channels], each half the size of the one before;
 *   undefined when the backbone has not so many or does not end in the mean over a map
 */
export function featureMaps(backbone: tfl.LayersModel, count = 2): tfl.LayersModel | undefined {
  if (!backbone.layers.at(-1)!.getClassName().startsWith('GlobalAveragePooling2D')) return undefined
  const size = backbone.inputs[0]!.shape[1]!
  const lastOf = new Map<number, tfl.SymbolicTensor>()
  for (const layer of backbone.layers.slice(0, -1)) {
    // Padding makes sizes of its own, which may look like a resolution.
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
