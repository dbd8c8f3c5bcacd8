import {
  type Encoder,
  encoderOf,
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

/** A run with the weights of its newest checkpoint, ready to make features. */
export interface OpenedRun {
  readonly folder: string
  /** what the run is made of, and how far it is */
  readonly config: Run
  /** steps behind the weights */
  readonly step: number
  /** missing where the method is not in the registry and was not given: then there is its backbone alone */
  readonly method?: Method
  readonly backbone: LayersModel
  /** side and channels of the images that `encode` takes */
  readonly imageShape: ImageShape
  /** of their pixels, once they are 0..1 */
  readonly normalisation: Normalisation
  /** from normalised images [batch, size, size, channels] to features [batch, features] */
  readonly encode: Encoder
  /** what the features depend on */
  readonly maker: FeatureMaker
  /** frees the networks */
  dispose(): void
}

/**
 * Opens a run, finished or not, from its folder: whoever made it, the command line or a program. An engine must be prepared.
 * @param options.method of a method that is not in the registry: made as the run's was. It stays the caller's
 * @throws SelfsupError when the folder holds no run or no checkpoint, when its backbone or normalisation is not known, or
 *   when features come from a function that only the run's program has
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
    const { name, options } = { name: config.method, options: config.options }
    const maker: FeatureMaker = method ?? { name, options, networks: { backbone } }
    return {
      folder,
      config,
      step,
      method,
      backbone,
      imageShape: imageShapeOf(config, backbone, method),
      normalisation: normalisationOf(config, method),
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
  if (isMethod(config.method)) {
    const method = await (await methodOfRun(config)).make()
    return { method, backbone: method.networks.backbone }
  }
  if (config.features === 'method')
    throw new SelfsupError(
      `${config.folder}: the features of '${config.method}' come from a function of the method's own (encode), which only the program that made the run has; there, openRun('${config.folder}', { method }) opens it`,
    )
  return { backbone: await (await backboneSourceOf(config)).source.make() }
}

function imageShapeOf({ folder, imageShape }: Run, backbone: LayersModel, method?: Method): ImageShape {
  if (imageShape) return imageShape
  if (method?.imageShape) return method.imageShape
  const [, height, width, channels] = backbone.inputs[0]!.shape
  if (height && channels && height === width) return { size: height, channels }
  throw new SelfsupError(
    `${folder}: its backbone takes no square images [batch, size, size, channels]; it takes [${backbone.inputs[0]!.shape}]`,
  )
}

function normalisationOf({ folder, normalisation, method: name }: Run, method?: Method): Normalisation {
  const known = normalisation ?? method?.normalisation
  if (known) return known
  throw new SelfsupError(
    `${folder}: '${name}' does not say how it normalises pixels. Give the method a normalisation, { mean: [0], std: [1] } for pixels of 0..1; for this run, add "normalisation": { "mean": [0], "std": [1] } to ${runPaths(folder).config}`,
  )
}
