import { expected, type Method, trainableWeights } from '@selfsup/core'
import type { Start, TrainableNetwork } from '@selfsup/evaluation'
import type { Tensor2D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { disposeOf, makeMethod, type RunConfig, trainedMethod } from '../run.js'

/** A method's way from pictures to features, to be trained further. */
export function trainable(method: Method): TrainableNetwork {
  const { networks, parameters = {} } = method
  if (!method.encode) return { ...trainableModel(networks.backbone), dispose: () => disposeOf(method) }
  return {
    // Features that are more than the backbone's: with batch normalisation at rest.
    apply: (pictures) => method.encode!(pictures),
    weights: { ...trainableWeights(networks), ...parameters },
    dispose: () => disposeOf(method),
  }
}

/** A model of which the first output counts. */
export function trainableModel(model: LayersModel): TrainableNetwork {
  return {
    apply(pictures, training) {
      const outputs = model.apply(pictures, { training }) as Tensor2D | Tensor2D[]
      return Array.isArray(outputs) ? outputs[0]! : outputs
    },
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
