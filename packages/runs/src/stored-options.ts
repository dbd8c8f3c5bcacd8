import { type MethodDefinition, type OptionValue, resolveOptions } from '@selfsup/core'

/**
 * What the stored options of a run mean today: the one place where options of older versions become today's.
 * @param stored as they stand in config.json; those that did not exist then are missing
 * @throws SelfsupError when one is unknown or out of range
 */
export function storedOptions(
  definition: MethodDefinition,
  stored: Readonly<Record<string, OptionValue>>,
): Record<string, OptionValue> {
  return resolveOptions(definition, stored)
}
