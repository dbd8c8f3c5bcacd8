import { expected, type Method, trainableWeights } from '@selfsup/core'
import type { InitialWeights, TrainableNetwork } from '@selfsup/evaluation'
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { FeatureMaker } from './features.js'
import { type OpenedRun, openRun } from './open-run.js'
import { untrainedFeatures } from './untrained.js'

/** An encoder of images that can be trained further. */
async function trainable(maker: FeatureMaker, dispose: () => void): Promise<TrainableNetwork> {
  const { networks, parameters = {}, encode } = maker
  if (!encode) return { ...trainableModel(networks.backbone, await mapsOf(maker)), dispose }
  return {
    // The method's own features: batch normalisation stays in inference mode.
    apply: (images) => encode(images),
    weights: { ...trainableWeights(networks), ...parameters },
    dispose,
  }
}

/** The model of a backbone's feature maps; undefined if the backbone has none or the method computes its own features. */
export async function mapsOf({
  networks,
  encode,
}: Pick<Method, 'networks' | 'encode'>): Promise<LayersModel | undefined> {
  const { featureMaps } = await import('@selfsup/backbones')
  return encode ? undefined : featureMaps(networks.backbone)
}

/**
 * Makes a model trainable; its first output is the features.
 * @param maps model of feature maps with the same layers
 */
export function trainableModel(model: LayersModel, maps?: LayersModel): TrainableNetwork {
  return {
    apply(images, training) {
      const outputs = model.apply(images, { training }) as Tensor2D | Tensor2D[]
      return Array.isArray(outputs) ? outputs[0]! : outputs
    },
    ...(maps && { maps: (images, training) => maps.apply(images, { training }) as [Tensor4D, Tensor4D] }),
    weights: trainableWeights({ backbone: model }),
    dispose: () => model.dispose(),
  }
}

/** Networks to start training from: the run's, a fresh one, and that of a run on other images. */
export function startsOf({ folder, config }: OpenedRun, other?: string): InitialWeights[] {
  const trained = async (run: string) => {
    const { maker, dispose } = await openRun(run)
    return trainable(maker, dispose)
  }
  const random = async () => {
    const { maker, dispose } = await untrainedFeatures(config)
    return trainable(maker, dispose)
  }
  return [
    { name: 'pretrained', make: () => trained(folder) },
    { name: 'random', make: random },
    ...(other ? [{ name: 'other domain', make: () => trained(other) } as const] : []),
  ]
}

/** @throws SelfsupError if the other run's images differ in size or channels */
export function expectFitting(other: OpenedRun, { imageShape: { size, channels } }: OpenedRun): void {
  const { folder, imageShape } = other
  expected(
    imageShape.size === size && imageShape.channels === channels,
    `${folder}, the other run: its network takes images of ${imageShape.size} pixels and ${imageShape.channels} channels; expected ${size} pixels and ${channels} channels, as for the run`,
  )
}
