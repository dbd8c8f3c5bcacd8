import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Normalisation } from './dataset.js'
import type { ImageShape } from './image-shape.js'
import type { Method } from './method.js'
import type { MethodOptions, OptionValues } from './options.js'
import type { OptionDefinitions } from './stored-options.js'
import type { Teacher } from './teacher.js'
import type { TrainingDefaults } from './training-settings.js'

/** Describes a method, so that a program can list methods and create one by name. Every method package exports one. */
export interface MethodDefinition<Options extends MethodOptions = MethodOptions>
  extends OptionDefinitions<Options> {
  readonly name: string
  /** one-line description, shown in a list of methods */
  readonly summary: string
  /** authors, year, arXiv number */
  readonly paper: string
  /** name of the backbone to use if the user sets none; default: the program's */
  readonly backbone?: string
  /** whether the method learns from a teacher, which the context of `create` must then contain; default false */
  readonly needsTeacher?: boolean
  /**
   * Recommended training settings.
   * @param options resolved options: variants of a method are trained differently
   */
  training(options: OptionValues<Options>): TrainingDefaults
  /** Input of the backbone, if it is not the whole images: patches, a subset of the channels, edges. */
  backboneInput?(images: ImageShape, options: OptionValues<Options>): BackboneInput
  /**
   * Creates the backbone of a method that requires its own kind, such as a recurrent network. The kind is named by `backbone`.
   * A program calls this instead of creating one of the backbones that it knows.
   */
  ownBackbone?(images: ImageShape, options: OptionValues<Options>, seed: number): LayersModel
  /**
   * Creates the method.
   * @param backbone a model from normalised images [batch, size, size, channels] to features [batch, features]. Its input
   *   determines the size and channels of the views, unless the context sets `imageShape`
   * @throws SelfsupError if an option is not valid, or the backbone does not fit the options
   */
  create(backbone: LayersModel, options?: Partial<OptionValues<Options>>, context?: MethodContext): Method
}

/** What a method requires of its backbone. */
export interface BackboneInput extends ImageShape {
  /** kind of normalisation layers, for backbones that support both; default batch normalisation */
  readonly norm?: 'batch' | 'layer'
}

/** Arguments that all methods share, in addition to their own options. */
export interface MethodContext {
  /** normalisation of the pixels that the backbone expects; default ImageNet's mean and standard deviation */
  readonly normalisation?: Normalisation
  /** seed of the heads' initial weights; default 1 */
  readonly seed?: number
  /** shape of the method's images, if it differs from the backbone's input (`backboneInput`) */
  readonly imageShape?: ImageShape
  /** the network to learn from. The caller disposes of it, after the method */
  readonly teacher?: Teacher
  /** number of training images, for methods with weights for each image */
  readonly imageCount?: number
  /** Creates another backbone of the same kind, for methods with several. The method disposes of it. */
  makeBackbone?(options: BackboneInput & { readonly seed: number }): LayersModel
}
