import type { Scalar, Tensor1D, Tensor4D, TensorContainer, Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { CropSpec } from './dataset.js'

/** A batch as it reaches the device. */
export interface ImageBatch {
  /** whole images, [batch, height, width, channels] int32, 0..255; when they share one size */
  images?: Tensor4D
  /** otherwise one tensor per entry of the method's `crops`, [batch, size, size, channels] int32, 0..255 */
  crops?: Tensor4D[]
  /** int32 [batch], -1 where an image has no label */
  labels: Tensor1D
  /** int32 [batch], positions in the dataset */
  indices: Tensor1D
}

/** What changes from step to step; tensors, so that a compiled step need not be compiled again. */
export interface Step {
  /** int32 [2]; random operations take it, or `foldIn` of it for another stream */
  readonly seed: Tensor1D
  /** part of the training that is done, 0..1, for a method's own schedules */
  readonly progress: Scalar
  /** which of `phases` is asked for; `'main'` for a method without phases */
  readonly phase: string
}

export interface LossResult {
  /** scalar that the optimiser minimises */
  readonly loss: Scalar
  /** scalars to log beside it */
  readonly metrics?: Readonly<Record<string, Scalar>>
  /** [batch, features] of which the loop watches the spread, to see a collapse */
  readonly features?: TensorContainer
}

/**
 * One self-supervised algorithm: networks, views, loss, and what happens after an update. A step of it
 * is a pure function of (weights, optimiser state, method state, batch, seed, progress), made of
 * TensorFlow.js operations only: nothing in it reads a tensor on the host or draws host randomness, so
 * that an engine may trace it once and run it as one graph.
 */
export interface Method<Views extends TensorContainer = TensorContainer> {
  readonly name: string
  /** what the optimiser trains, by name; `backbone` is the one whose features are wanted afterwards */
  readonly networks: Readonly<Record<string, LayersModel>> & { readonly backbone: LayersModel }
  /** what else a checkpoint holds: momentum copies, queues, centres; all there from the start */
  readonly state: Readonly<Record<string, Variable>>
  /** the random crop that each view begins with, for images too large to be cropped on the device */
  readonly crops: readonly CropSpec[]
  /** adversarial methods: names of phases, each with the networks it trains; the loss is taken per phase, in order */
  readonly phases?: Readonly<Record<string, readonly string[]>>
  /** from images to what the loss takes: augmented views, tasks; not differentiated */
  views(batch: ImageBatch, seed: Tensor1D): Views
  /** differentiated with respect to the networks' trainable weights */
  loss(views: Views, step: Step): LossResult
  /** after the optimiser's update: momentum update, enqueue; not differentiated */
  afterUpdate?(views: Views, step: Step): void
  dispose(): void
}
