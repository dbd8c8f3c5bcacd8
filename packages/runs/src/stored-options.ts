import {
  type ImageShape,
  type MethodDefinition,
  migrateOptions,
  type OptionValue,
  resolveOptions,
} from '@selfsup/core'

/**
 * The stored options of a run as this version calls them.
 * @param stored as config.json holds them, perhaps written by an earlier version
 * @param imageShape what the method gets: some earlier defaults depended on it
 * @throws SelfsupError if one is unknown or out of range
 */
export function storedOptions(
  definition: MethodDefinition,
  stored: Readonly<Record<string, OptionValue>>,
  imageShape?: ImageShape,
): Record<string, OptionValue> {
  return resolveOptions(definition, migrateOptions(definition, stored, imageShape))
}
