import {
  type ImageShape,
  type MethodDefinition,
  migrateOptions,
  type OptionValue,
  resolveOptions,
} from '@selfsup/core'

/**
 * Converts the stored options of a run to the options of this version.
 * @param stored options in config.json, possibly written by an earlier version
 * @param imageShape shape of the images: some earlier defaults depended on it
 * @throws SelfsupError if an option is unknown or out of range
 */
export function storedOptions(
  definition: MethodDefinition,
  stored: Readonly<Record<string, OptionValue>>,
  imageShape?: ImageShape,
): Record<string, OptionValue> {
  return resolveOptions(definition, migrateOptions(definition, stored, imageShape))
}
