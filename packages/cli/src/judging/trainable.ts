import { expected, type Method, trainableWeights } from '@selfsup/core'
import type { Start, TrainableNetwork } from '@selfsup/evaluation'
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { disposeOf, makeMethod, type RunConfig, trainedMethod } from '../run.js'

/** A method's way from pictures to features, to be trained further. */
async function trainable(method: Method): Promise<TrainableNetwork> {
  const { networks, parameters = {} } = method
  if (!method.encode)
    return { ...trainableModel(networks.backbone, await mapsOf(method)), dispose: () => disposeOf(method) }
  return {
    // Features that are more than the backbone's: with batch normalisation at rest.
    apply: (pictures) => method.encode!(pictures),
    weights: { ...trainableWeights(networks), ...parameters },
    dispose: () => disposeOf(method),
  }
}

/** Where in pictures a method's backbone finds something, where its features are the backbone's and that tells. */
export async function mapsOf({
  networks,
  encode,
}: Pick<Method, 'networks' | 'encode'>): Promise<LayersModel | undefined> {
  const { featureMaps } = await import('@selfsup/backbones')
  return encode ? undefined : featureMaps(networks.backbone)
}

/**
 * A model of which the first output counts.
 * @param maps of the same layers
 */
export function trainableModel(model: LayersModel, maps?: LayersModel): TrainableNetwork {
  return {
    apply(pictures, training) {
      const outputs = model.apply(pictures, { training }) as Tensor2D | Tensor2D[]
      return Array.isArray(outputs) ? outputs[0]! : outputs
    },
    ...(maps && { maps: (pictures, training) => maps.apply(pictures, { training }) as [Tensor4D, Tensor4D] }),
    weights: trainableWeights({ backbone: model }),
    dispose: () => model.dispose(),
  }
}

/** Networks to begin with: the run's, fresh ones, and those of a run on other images. */
export function startsOf(run: string, config: RunConfig, other?: OtherRun): Start[] {
  const trained = async (folder: string) => trainable((await trainedMethod(folder)).method)
  return [
    { name: 'pretrained', make: () => trained(run) },
    { name: 'random', make: async () => trainable(await makeMethod(config)) },
    ...(other ? [{ name: 'other domain', make: () => trained(other.folder) } as const] : []),
  ]
}

/** A run on other images. */
export interface OtherRun {
  readonly folder: string
  readonly config: RunConfig
}

/** @throws SelfsupError when the other run's pictures are not of the same kind */
export function expectFitting(
  { folder, config: { pictures } }: OtherRun,
  size: number,
  channels: number,
): void {
  expected(
    pictures.size === size && pictures.channels === channels,
    `--other ${folder}: its network takes pictures of ${pictures.size} pixels and ${pictures.channels} channels, the run's ${size} and ${channels}; name a run of the same`,
  )
}
