import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Normalisation } from './dataset.js'
import type { Method } from './method.js'

/** One option of a method, as data: the command line makes a flag, a check and a line of help of it. */
export type MethodOption =
  | {
      readonly type: 'number'
      readonly default: number
      readonly min?: number
      readonly max?: number
      readonly integer?: boolean
      readonly description: string
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly description: string }
  | {
      readonly type: 'choice'
      readonly default: string
      readonly choices: readonly string[]
      readonly description: string
    }

/** What an option holds. Distributes over a union of options. */
type ValueOf<Option extends MethodOption> = Option extends { type: 'number' }
  ? number
  : Option extends { type: 'boolean' }
    ? boolean
    : string

/** The values of a set of options: `temperature: number` for `temperature: { type: 'number', ... }`. */
export type OptionValues<Options extends Readonly<Record<string, MethodOption>>> = {
  -readonly [Name in keyof Options]: ValueOf<Options[Name]>
}

/** How a method is trained where the user says nothing else. */
export interface TrainingDefaults {
  readonly optimizer: 'sgd' | 'lars' | 'adamw'
  /** for a batch of 256; scaled linearly with the batch */
  readonly learningRate: number
  readonly weightDecay: number
  readonly warmupEpochs: number
}

/** What a method package exports beside its function, so that a program can find and make it by name. */
export interface MethodDefinition<
  Options extends Readonly<Record<string, MethodOption>> = Readonly<Record<string, MethodOption>>,
> {
  readonly name: string
  /** one line for a list of methods */
  readonly summary: string
  /** authors, year, arXiv number */
  readonly paper: string
  readonly options: Options
  readonly training: TrainingDefaults
  /**
   * @param backbone a model from [batch, size, size, channels], normalised, to [batch, features]; the size
   * of the views and their channels are those of its input
   */
  create(backbone: LayersModel, options?: Partial<OptionValues<Options>>, context?: MethodContext): Method
}

/** What every method takes beside its own options. */
export interface MethodContext {
  /** what the backbone expects of pixels; ImageNet's mean and standard deviation when absent */
  readonly normalisation?: Normalisation
  /** of the heads' initial weights; 1 when absent */
  readonly seed?: number
}
