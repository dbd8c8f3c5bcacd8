import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Normalisation } from './dataset.js'
import type { Method } from './method.js'
import type { StoredOptions } from './migrate-options.js'
import type { MethodOptions, OptionValues } from './options.js'
import type { TrainingDefaults } from './training-settings.js'

/** What a method package exports beside its function, so that a program can find and make it by name. */
export interface MethodDefinition<Options extends MethodOptions = MethodOptions> {
  readonly name: string
  /** one line for a list of methods */
  readonly summary: string
  /** authors, year, arXiv number */
  readonly paper: string
  readonly options: Options
  /**
   * Options of a run of an earlier version as this one would have them, where that is more than each option's `formerly`
   * and `before` say: what one was depends on others, or on the images. `migrateOptions` calls it first. It must leave
   * options of this version as they are.
   */
  migrate?(stored: StoredOptions, images?: ImageShape): StoredOptions
  /** name of the backbone that a program takes where the user names none; default the program's own */
  readonly backbone?: string
  /** @param options resolved ones: versions of a method are trained differently */
  training(options: OptionValues<Options>): TrainingDefaults
  /** what the backbone takes, where that is not the images themselves: patches, one channel of several, edges */
  backboneInput?(images: ImageShape, options: OptionValues<Options>): BackboneInput
  /**
   * The backbone itself, of methods that take one of a kind of their own, whose name is `backbone`: recurrent networks.
   * A program makes it in place of those that it knows.
   */
  ownBackbone?(images: ImageShape, options: OptionValues<Options>, seed: number): LayersModel
  /**
   * @param backbone a model from [batch, size, size, channels], normalised, to [batch, features]; unless the context
   *   tells other `pictures`, the size of the views and their channels are those of its input
   * @throws SelfsupError when an option, or the backbone with it, doesn't fit
   */
  create(backbone: LayersModel, options?: Partial<OptionValues<Options>>, context?: MethodContext): Method
}

/** Square images. */
export interface ImageShape {
  /** side in pixels */
  readonly size: number
  readonly channels: number
}

/** What a method wants of its backbone. */
export interface BackboneInput extends ImageShape {
  /** how the backbone normalises, where it may do either; default over the batch */
  readonly norm?: 'batch' | 'layer'
}

/** What every method takes beside its own options. */
export interface MethodContext {
  /** what the backbone expects of pixels; ImageNet's mean and standard deviation when absent */
  readonly normalisation?: Normalisation
  /** of the heads' initial weights; 1 when absent */
  readonly seed?: number
  /** what the method gets, where the backbone's input does not tell (`backboneInput`) */
  readonly imageShape?: ImageShape
  /** makes further backbones of the kind that the method got, for methods of several; theirs to dispose of */
  makeBackbone?(options: BackboneInput & { readonly seed: number }): LayersModel
}
