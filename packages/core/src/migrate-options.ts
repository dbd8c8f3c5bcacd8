import type { ImageShape, MethodDefinition } from './definition.js'
import type { Method } from './method.js'
import { type MethodOptions, type OptionValue, todays } from './options.js'

/** A method's options as they are stored with a run. */
export type StoredOptions = Readonly<Record<string, OptionValue>>

/**
 * The options of a run of this or an earlier version as this version calls them, so that the run continues exactly as it
 * began: earlier names and values replaced, options that did not exist then set to the value that does the same as their
 * absence did. Options of this version stay as they are.
 * @param definition the method's
 * @param stored as config.json holds them, with the defaults of the version that started the run
 * @param images what the method gets: what some defaults were may depend on it
 */
export function migrateOptions(
  definition: Pick<MethodDefinition<MethodOptions>, 'options' | 'migrate'>,
  stored: StoredOptions,
  images?: ImageShape,
): Record<string, OptionValue> {
  const { options } = definition
  const migrated: Record<string, OptionValue> = { ...(definition.migrate?.(stored, images) ?? stored) }
  for (const [name, option] of Object.entries(options)) {
    const former = option.formerly?.name
    if (former !== undefined && !(name in migrated) && former in migrated) {
      migrated[name] = migrated[former]!
      delete migrated[former]
    }
    migrated[name] =
      name in migrated ? (todays(option, migrated[name]) as OptionValue) : (option.before ?? option.default)
  }
  return migrated
}

/**
 * `migrateOptions` for the run of a method that has been made.
 * @returns the stored options themselves where the method does not say how its options are defined
 */
export function migratedFor(
  { definition, imageShape, networks }: Method,
  stored: StoredOptions,
): StoredOptions {
  if (!definition) return stored
  if (imageShape) return migrateOptions(definition, stored, imageShape)
  const [, size, , channels] = networks.backbone.inputs[0]!.shape
  return migrateOptions(definition, stored, size && channels ? { size, channels } : undefined)
}
