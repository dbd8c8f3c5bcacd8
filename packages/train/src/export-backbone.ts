import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { io } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { writeAtomically } from './atomic-file.js'

/**
 * Writes a model as TensorFlow.js layers models are stored, model.json and weights.bin:
 * `tf.loadLayersModel` opens it in Node and in a browser.
 * @throws what the file system threw
 */
export async function exportBackbone(model: LayersModel, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await model.save(
    io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData, ...about }) => {
      const weights = new Uint8Array(io.CompositeArrayBuffer.join(weightData))
      const { format = 'layers-model', generatedBy, convertedBy = null } = about
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
      const text = JSON.stringify({ format, generatedBy, convertedBy, modelTopology, weightsManifest })
      // The weights first: whoever finds a model.json finds what it names.
      await writeAtomically(join(folder, 'weights.bin'), (file) => file.writeFile(weights))
      await writeAtomically(join(folder, 'model.json'), (file) => file.writeFile(text))
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
    }),
  )
}
