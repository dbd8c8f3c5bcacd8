import type {
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor4D,
  TensorContainer,
  Variable,
} from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Alarm } from './alarm.js'
import type { CropSpec, ImageDataset, Normalisation } from './dataset.js'
import type { ImageShape, MethodDefinition } from './definition.js'
import type { OptionValue } from './options.js'
import type { ParameterGroup, Phase } from './parameter-groups.js'
import type { Seed } from './random.js'
import type { Step } from './step.js'

/** A batch as it reaches the device. */
export interface ImageBatch {
  /** whole images, [batch, height, width, channels] int32, 0..255; when they share one size */
  images?: Tensor4D
  /** otherwise one tensor per entry of the method's `crops`, [batch, size, size, channels] int32, 0..255 */
  crops?: Tensor4D[]
  /** of data that are no images, float32 [batch, ...]: series are [batch, time, channels] */
  values?: Tensor
  /** int32 [batch], -1 where there is no label */
  labels: Tensor1D
  /** int32 [batch], positions in the dataset */
  indices: Tensor1D
}

export interface LossResult {
  /** scalar that the optimiser minimises */
  readonly loss: Scalar
  /** scalars to log beside it, under names other than those that the loop logs itself (`loss`, `spread`, `epoch`) */
  readonly metrics?: Readonly<Record<string, Scalar>>
  /** [batch, features] of which the loop watches the spread, to see a collapse */
  readonly features?: TensorContainer
}

/**
 * One self-supervised algorithm: networks, views, targets, loss, and what happens after an update. A step of it
 * is a pure function of (weights, optimiser state, method state, batch, seed, progress, epoch), made of
 * TensorFlow.js operations only: nothing in it reads a tensor on the host or draws host randomness, so
 * that an engine may trace it once and run it as one graph.
 */
export interface Method<
  Views extends TensorContainer = TensorContainer,
  Targets extends TensorContainer = TensorContainer,
> {
  readonly name: string
  /** what it was made with, defaults included: written down with a run, which goes on only with the same */
  readonly options?: Readonly<Record<string, OptionValue>>
  /** what its options are and were: a run of an earlier version goes on with the same ones as they are called today */
  readonly definition?: Pick<MethodDefinition, 'options' | 'migrate'>
  /** what its views normalise pixels with: written down with a run, which goes on only with the same */
  readonly normalisation?: Normalisation
  /** the images that it was made for, where its backbone takes something else (patches, edges): what `encode` takes */
  readonly imageShape?: ImageShape
  /** what the optimiser trains, by name; `backbone` is the one whose features are wanted afterwards */
  readonly networks: Readonly<Record<string, LayersModel>> & { readonly backbone: LayersModel }
  /** what it trains beside them, by names that no network has: proxies, a temperature, a mask token */
  readonly parameters?: Readonly<Record<string, Variable>>
  /** what else a checkpoint holds: momentum copies, queues, centres; all there from the start */
  readonly state: Readonly<Record<string, Variable>>
  /** weights that are not trained as the run's settings say; those in none of them form the group `main` */
  readonly groups?: Readonly<Record<string, ParameterGroup>>
  /**
   * Methods of several losses: what each of them trains. Each phase makes views, targets and a loss of its own, updates,
   * and runs `afterUpdate`. Default: one phase `main` that trains everything.
   */
  readonly phases?: Readonly<Record<string, Phase>>
  /** phases of one step, in order, a phase more than once if need be; chosen on the host. Default: each of `phases` once */
  phasesAt?(position: { readonly step: number; readonly epoch: number }): readonly string[]
  /** false when a lower loss is no better (adversarial methods), so that no checkpoint is kept for its loss; default true */
  readonly comparableLoss?: boolean
  /** what its metrics look like when it goes wrong: the loop warns, and training goes on */
  readonly alarms?: readonly Alarm[]

  /** what the dataset and the batch must have; checked before anything is written */
  readonly needs?: {
    readonly labels?: boolean
    /** images of a batch: at least, at most (a queue's length), a multiple of */
    readonly batchSize?: { readonly min?: number; readonly max?: number; readonly multipleOf?: number }
    /** classes that the images may be of, where that is known: what is to tell them apart can tell no more */
    readonly classes?: { readonly max: number }
  }
  /** the random crop that each view begins with, for images too large to be cropped on the device */
  readonly crops: readonly CropSpec[]
  /**
   * Positions in the dataset in the order of an epoch, on the host, from the seed alone: balanced batches. May repeat
   * positions or leave some out; whole batches of it are the epoch's steps, as many in every epoch. Default: all, shuffled.
   */
  order?(
    dataset: { readonly length: number; readonly labels?: Int32Array },
    pass: { readonly batchSize: number; readonly epoch: number; readonly seed: Seed },
  ): Uint32Array

  /** from images to what the loss takes: augmented views, tasks; not differentiated */
  views(batch: ImageBatch, step: Step): Views
  /** what the loss compares with, by networks that no gradient reaches: momentum encoders, teachers, keys; not differentiated */
  targets?(views: Views, step: Step): Targets
  /** differentiated with respect to what the phase trains */
  loss(views: Views, step: Step, targets: Targets): LossResult
  /** after the optimiser's update: momentum update, enqueue; not differentiated */
  afterUpdate?(views: Views, step: Step, targets: Targets): void

  /** images to look at, by name, [any, height, width, 1 or 3], 0..1: reconstructions, samples */
  samples?(views: Views, step: Step): Readonly<Record<string, Tensor4D>>
  /** features of normalised images once training is over: [batch, features]; default the backbone's output */
  encode?(images: Tensor4D): Tensor2D
  /**
   * Clusters of the test images, of methods that find some themselves: evaluation compares them with the classes. May choose
   * among several heads by the training images, without their labels.
   */
  clusters?(
    images: { readonly train: ImageDataset; readonly test: ImageDataset },
    context?: ClusterContext,
  ): Promise<ClusterAssignments>
  dispose(): void
}

/** With what a method finds clusters. */
export interface ClusterContext {
  /** an engine of @selfsup/engine; default: one operation after another */
  readonly engine?: {
    compile<Args extends unknown[], Result extends TensorContainer>(
      step: (...args: Args) => Result,
    ): ((...args: Args) => Result) & { readonly captures: number; dispose(): void }
  }
  readonly signal?: AbortSignal
}

/** Clusters of images. */
export interface ClusterAssignments {
  /** for a table: `its own head` */
  readonly name: string
  /** number of the cluster of each image that could be read */
  readonly clusters: Int32Array
  /** positions of those images in the dataset */
  readonly indices: Int32Array
}

/** From normalised images [batch, height, width, channels] to features [batch, features]. */
export type Encoder = (images: Tensor4D) => Tensor2D

/** How a method makes features once training is over: batch normalisation at rest, nothing random. */
export function encoderOf(method: Pick<Method, 'networks' | 'encode'>): Encoder {
  const { backbone } = method.networks
  // `predict` would go through the batch in pieces of 32.
  return (images) => method.encode?.(images) ?? (backbone.apply(images, { training: false }) as Tensor2D)
}

/** Names of a method's phases, in order. */
export function phasesOf({ phases }: Pick<Method, 'phases'>): string[] {
  return phases ? Object.keys(phases) : ['main']
}
