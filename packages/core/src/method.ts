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
import type { ImageShape } from './image-shape.js'
import type { OptionValue } from './options.js'
import type { ParameterGroup, Phase } from './parameter-groups.js'
import type { Seed } from './random.js'
import type { Step } from './step.js'
import type { OptionDefinitions } from './stored-options.js'
import type { TeacherReference } from './teacher.js'

/** A batch on the device. */
export interface ImageBatch {
  /** whole images, int32 [batch, height, width, channels], 0..255, if all images have the same small size */
  images?: Tensor4D
  /** otherwise one tensor per entry of the method's `crops`, int32 [batch, size, size, channels], 0..255 */
  crops?: Tensor4D[]
  /** data other than images, float32 [batch, ...]; time series are [batch, time, channels] */
  values?: Tensor
  /** int32 [batch], -1 for examples without a label */
  labels: Tensor1D
  /** int32 [batch], positions in the dataset */
  indices: Tensor1D
}

/** What a method's `loss` returns. */
export interface LossResult {
  /** scalar to minimise */
  readonly loss: Scalar
  /** further scalars to log; the names `loss`, `spread` and `epoch` are reserved for the training loop */
  readonly metrics?: Readonly<Record<string, Scalar>>
  /** features [batch, features] whose spread the loop logs, to detect a collapse */
  readonly features?: TensorContainer
}

/**
 * A self-supervised algorithm: its networks, views, targets and loss, and what happens after an update.
 *
 * A training step is a pure function of (weights, optimiser state, method state, batch, seed, progress, epoch), built
 * of TensorFlow.js operations only. It must not read a tensor on the host or draw random numbers on the host, so that an engine
 * can trace it once and run it as one graph.
 */
export interface Method<
  Views extends TensorContainer = TensorContainer,
  Targets extends TensorContainer = TensorContainer,
> {
  readonly name: string
  /** options of the method, including defaults; saved with a run, which resumes only with the same options */
  readonly options?: Readonly<Record<string, OptionValue>>
  /** definition of the options, with which a run of an earlier version is migrated to today's option names and values */
  readonly definition?: OptionDefinitions
  /** normalisation that the views apply to pixels; saved with a run, which resumes only with the same normalisation */
  readonly normalisation?: Normalisation
  /** shape of the images that `encode` takes, if it differs from the backbone's input (patches, edges) */
  readonly imageShape?: ImageShape
  /** the network that the method learns from; saved with a run, which resumes only with the same one */
  readonly teacher?: TeacherReference
  /** trained networks by name; `backbone` is the feature extractor */
  readonly networks: Readonly<Record<string, LayersModel>> & { readonly backbone: LayersModel }
  /** trained variables outside the networks, such as proxies, a temperature, a mask token; their names must differ from the networks' */
  readonly parameters?: Readonly<Record<string, Variable>>
  /** variables that are saved in checkpoints but not trained: momentum copies, queues, centres. All must exist from the start */
  readonly state: Readonly<Record<string, Variable>>
  /** weights with their own optimiser or learning rate; all other weights form the group `main` */
  readonly groups?: Readonly<Record<string, ParameterGroup>>
  /**
   * The weights that each phase trains, for methods with several losses. Each phase computes its own views, targets and
   * loss, updates its weights, and calls `afterUpdate`. Default: one phase `main`, which trains everything.
   */
  readonly phases?: Readonly<Record<string, Phase>>
  /** Phases to run in a step, in order; a phase can be repeated. Called on the host. Default: each of `phases` once. */
  phasesAt?(position: { readonly step: number; readonly epoch: number }): readonly string[]
  /** false if a lower loss is not better (adversarial methods): then no best checkpoint is kept; default true */
  readonly comparableLoss?: boolean
  /** metric limits that indicate failed training: the loop warns and continues */
  readonly alarms?: readonly Alarm[]

  /** requirements on the dataset and the batch; checked before anything is written */
  readonly needs?: {
    /** whether the dataset must have labels */
    readonly labels?: boolean
    /** limits of the batch size: minimum, maximum (such as the length of a queue), divisor */
    readonly batchSize?: { readonly min?: number; readonly max?: number; readonly multipleOf?: number }
    /** maximum number of classes, for methods with a fixed number of outputs; checked if the classes are known */
    readonly classes?: { readonly max: number }
    /** exact number of images, for methods with weights for each image */
    readonly imageCount?: number
  }
  /** the random crop of each view, for images that are too large to be cropped on the device */
  readonly crops: readonly CropSpec[]
  /**
   * Positions in the dataset in the order of one epoch, for example for balanced batches. Called on the host; the result may
   * depend only on its arguments. It can repeat positions or omit some. Only whole batches are used, and every epoch must have
   * the same number of them. Default: all positions, shuffled.
   */
  order?(
    dataset: { readonly length: number; readonly labels?: Int32Array },
    pass: { readonly batchSize: number; readonly epoch: number; readonly seed: Seed },
  ): Uint32Array

  /** Computes the input of the loss from the images: augmented views, pretext tasks. Not differentiated. */
  views(batch: ImageBatch, step: Step): Views
  /** Computes the targets of the loss with momentum encoders or teachers. Not differentiated. */
  targets?(views: Views, step: Step): Targets
  /**
   * Computes the loss. Differentiated with respect to the weights that the phase trains. May assign variables of `state` from
   * values that it computes anyway, such as a running covariance of the embeddings, which `afterUpdate` does not see; no
   * gradient flows through an assignment.
   */
  loss(views: Views, step: Step, targets: Targets): LossResult
  /** Called after the optimiser's update: momentum update, enqueue. Not differentiated. */
  afterUpdate?(views: Views, step: Step, targets: Targets): void

  /** Images to display, by name, such as reconstructions: [any, height, width, 1 or 3], 0..1. */
  samples?(views: Views, step: Step): Readonly<Record<string, Tensor4D>>
  /** Features [batch, features] of normalised images, after training. Default: the backbone's output. */
  encode?(images: Tensor4D): Tensor2D
  /**
   * Assigns the test images to clusters, for clustering methods; evaluation compares the clusters with the classes. The
   * training images, without their labels, can be used to choose between several heads.
   */
  clusters?(
    images: { readonly train: ImageDataset; readonly test: ImageDataset },
    context?: ClusterContext,
  ): Promise<ClusterAssignments>
  dispose(): void
}

/** Optional arguments of a method's `clusters`. */
export interface ClusterContext {
  /** an engine of @selfsup/engine, to compile steps with; default: operations run one by one */
  readonly engine?: {
    compile<Args extends unknown[], Result extends TensorContainer>(
      step: (...args: Args) => Result,
    ): ((...args: Args) => Result) & { readonly captures: number; dispose(): void }
  }
  readonly signal?: AbortSignal
}

/** Cluster assignments of a dataset's images. */
export interface ClusterAssignments {
  /** label in a table of results, such as `its own head` */
  readonly name: string
  /** number of the cluster of each image that could be read */
  readonly clusters: Int32Array
  /** positions of those images in the dataset */
  readonly indices: Int32Array
}

/** Computes features [batch, features] from normalised images [batch, height, width, channels]. */
export type Encoder = (images: Tensor4D) => Tensor2D

/** The encoder of a trained method, in inference mode: batch normalisation uses its moving averages, and nothing is random. */
export function encoderOf(method: Pick<Method, 'networks' | 'encode'>): Encoder {
  const { backbone } = method.networks
  // `predict` would split the batch into pieces of 32.
  return (images) => method.encode?.(images) ?? (backbone.apply(images, { training: false }) as Tensor2D)
}

/** Names of a method's phases, in order. */
export function phasesOf({ phases }: Pick<Method, 'phases'>): string[] {
  return phases ? Object.keys(phases) : ['main']
}
