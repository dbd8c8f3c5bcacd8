import type { ImageShape } from './image-shape.js'
import type { MethodOptions, OptionValue } from './options.js'

/** Options of a method as saved with a run. */
export type StoredOptions = Readonly<Record<string, OptionValue>>

/** The part of a method's definition that says what its options are and were. */
export interface OptionDefinitions<Options extends MethodOptions = MethodOptions> {
  readonly options: Options
  /**
   * Converts options of a run of an earlier version to today's, for changes that `earlier` and `before` of the options
   * cannot express, such as a value that depends on other options or on the images. `migrateOptions` calls it first. It must
   * return options of this version unchanged.
   */
  migrate?(stored: StoredOptions, images?: ImageShape): StoredOptions
}
