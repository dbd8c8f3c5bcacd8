import { addModelNotes, type ImageReading, type Method } from '@selfsup/core'
import { runStorage } from '@selfsup/run-folder'
import { io } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/**
 * Exports a method's backbone together with its preprocessing: size, channels and normalisation of the images are stored in
 * model.json under `userDefinedMetadata.selfsup`, so that they are available in a copied model.
 * @param reading how the values of image files became pixels, if the images come from files; stored too
 * @throws errors of the file system
 */
export async function exportMethod(method: Method, folder: string, reading?: ImageReading): Promise<void> {
  const { networks, normalisation, encode } = method
  const [, size, width, channels] = networks.backbone.inputs[0]?.shape ?? []
  // Backbones of edges or of single channels do not take normalised pixels: their method computes their input.
  if (normalisation && size && size === width && channels === normalisation.mean.length)
    addModelNotes(networks.backbone, {
      preprocessing: { size, channels, normalisation, ...(reading && { reading }) },
    })
  addModelNotes(networks.backbone, { complete: !encode })
  await exportBackbone(networks.backbone, folder)
}

/**
 * Writes a TensorFlow.js layers model as model.json and weights.bin.
 * `tf.loadLayersModel` opens it in Node and in browsers.
 * @throws errors of the file system
 */
export async function exportBackbone(model: LayersModel, folder: string): Promise<void> {
  const { join, write } = runStorage
  await model.save(
    io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, userDefinedMetadata, ...about }) => {
      const weights = new Uint8Array(io.CompositeArrayBuffer.join(weightData))
      const { format = 'layers-model', generatedBy, convertedBy = null } = about
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
      const text = JSON.stringify({
        format,
        generatedBy,
        convertedBy,
        userDefinedMetadata,
        modelTopology,
        weightsManifest,
      })
      // Write the weights first, so that the files named in a model.json always exist.
      await write(join(folder, 'weights.bin'), [weights])
      await write(join(folder, 'model.json'), [new TextEncoder().encode(text)])
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
    }),
  )
}
