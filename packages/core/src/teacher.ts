import type { Tensor2D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Normalisation } from './dataset.js'

/** What a run stores of its teacher, to find it again and to recognise it. */
export interface TeacherReference {
  /** absolute path of a run or of an exported model, or a name */
  readonly source: string
  /** hash of the weights: a run resumes only with the same teacher */
  readonly fingerprint: string
}

/** A frozen network that a method learns from. */
export interface Teacher extends TeacherReference {
  /** from normalised images [batch, size, size, channels] to features [batch, features], its first output */
  readonly model: LayersModel
  /** normalisation of the pixels that the model expects */
  readonly normalisation: Normalisation
  /**
   * its features of all training images, [images, features] by their position in the dataset, computed beforehand. Methods use
   * them only where images are not augmented
   */
  readonly features?: Tensor2D
}
