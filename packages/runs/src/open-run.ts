import {
  type Encoder,
  encoderOf,
  type ImageReading,
  type ImageShape,
  type Method,
  type Normalisation,
  SelfsupError,
} from '@selfsup/core'
import { type Run, readRun, runPaths } from '@selfsup/run-folder'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { FeatureMaker } from './features.js'
import { backboneSourceOf, disposeMethod, methodOfRun } from './make-method.js'
import { isMethod } from './registry.js'

/** A run with the weights of its newest checkpoint, ready to compute features. */
export interface OpenedRun {
  readonly folder: string
  /** configuration and progress of the run */
  readonly config: Run
  /** training steps of the weights */
  readonly step: number
  /** missing if the method is not in the registry and was not given: then only the backbone is available */
  readonly method?: Method
  readonly backbone: LayersModel
  /** size and channels of the images that `encode` takes */
  readonly imageShape: ImageShape
  /** normalisation of pixels in 0..1 */
  readonly normalisation: Normalisation
  /** how the values of image files became pixels; missing if the run did not save it */
  readonly reading?: ImageReading
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly encode: Encoder
  /** the part of the method that computes features */
  readonly maker: FeatureMaker
  /** disposes of the networks */
  dispose(): void
}

/**
 * Opens a run from its folder, finished or not, made by the command line or by a program. Prepare an engine first.
 * @param options.method the method, if it is not in the registry; create it as for the run. The caller disposes of it
 * @throws SelfsupError if the folder holds no run or no checkpoint, if its backbone or normalisation is unknown, or if its
 *   features come from a function that only the run's program has
 */
export async function openRun(
  folder: string,
  options: { readonly method?: Method } = {},
): Promise<OpenedRun> {
  const config = await readRun(folder)
  const { method, backbone } = options.method
    ? { method: options.method, backbone: options.method.networks.backbone }
    : await networksOf(config)
  const dispose = () => {
    if (options.method) return
    if (method) disposeMethod(method)
    else backbone.dispose()
  }
  try {
    const { restoreMethod, restoreNetworks } = await import('@selfsup/train')
    const step = await (method ? restoreMethod(method, folder) : restoreNetworks({ backbone }, folder))
    const maker: FeatureMaker = method ?? {
      name: config.method,
      options: config.options,
      networks: { backbone },
    }
    return {
      folder,
      config,
      step,
      method,
      backbone,
      imageShape: imageShapeOf(config, backbone, method),
      normalisation: normalisationOf(config, method),
      reading: config.dataset.reading,
      encode: encoderOf(maker),
      maker,
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

async function networksOf(config: Run): Promise<{ method?: Method; backbone: LayersModel }> {
  // The teacher may have been removed; features come from the backbone alone.
  if (isMethod(config.method) && !config.teacher) {
    const method = await (await methodOfRun(config)).make()
    return { method, backbone: method.networks.backbone }
  }
  if (config.features === 'method')
    throw new SelfsupError(
      `${config.folder}: '${config.method}' computes features with its own function (encode), which only the program that made the run has; in that program, call openRun('${config.folder}', { method })`,
    )
  return { backbone: await (await backboneSourceOf(config)).source.make() }
}

function imageShapeOf({ folder, imageShape }: Run, backbone: LayersModel, method?: Method): ImageShape {
  if (imageShape) return imageShape
  if (method?.imageShape) return method.imageShape
  const [, height, width, channels] = backbone.inputs[0]!.shape
  if (height && channels && height === width) return { size: height, channels }
  throw new SelfsupError(
    `${folder}: the backbone must take square images [batch, size, size, channels]; got [${backbone.inputs[0]!.shape}]`,
  )
}

function normalisationOf({ folder, normalisation, method: name }: Run, method?: Method): Normalisation {
  const known = normalisation ?? method?.normalisation
  if (known) return known
  throw new SelfsupError(
    `${folder}: '${name}' has no normalisation of pixels. Give the method one, such as { mean: [0], std: [1] } for pixels in 0..1; for this run, add "normalisation": { "mean": [0], "std": [1] } to ${runPaths(folder).config}`,
  )
}
