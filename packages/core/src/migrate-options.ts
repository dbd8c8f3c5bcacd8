import type { ImageShape } from './image-shape.js'
import type { Method } from './method.js'
import { currentValue, type OptionValue } from './options.js'
import type { OptionDefinitions, StoredOptions } from './stored-options.js'

/**
 * Converts the options of a run of an earlier version to the names and values of this version, so that the run continues
 * with the same behaviour. Earlier names and values are replaced; options that did not exist are set to the value that
 * reproduces the earlier behaviour. Options of this version are returned unchanged.
 * @param definition definition of the method
 * @param stored options in config.json, including the defaults of the version that started the run
 * @param images shape of the method's images, on which some earlier defaults depend
 */
export function migrateOptions(
  definition: OptionDefinitions,
  stored: StoredOptions,
  images?: ImageShape,
): Record<string, OptionValue> {
  const { options } = definition
  const migrated: Record<string, OptionValue> = { ...(definition.migrate?.(stored, images) ?? stored) }
  for (const [name, option] of Object.entries(options)) {
    const former = option.earlier?.name
    if (former !== undefined && !(name in migrated) && former in migrated) {
      migrated[name] = migrated[former]!
      delete migrated[former]
    }
    migrated[name] =
      name in migrated
        ? (currentValue(option, migrated[name]) as OptionValue)
        : (option.before ?? option.default)
  }
  return migrated
}

/**
 * `migrateOptions` for an existing method.
 * @returns `stored` itself if the method has no `definition`
 */
export function migrateOptionsFor(
  { definition, imageShape, networks }: Method,
  stored: StoredOptions,
): StoredOptions {
  if (!definition) return stored
  if (imageShape) return migrateOptions(definition, stored, imageShape)
  const [, size, , channels] = networks.backbone.inputs[0]!.shape
  return migrateOptions(definition, stored, size && channels ? { size, channels } : undefined)
}
