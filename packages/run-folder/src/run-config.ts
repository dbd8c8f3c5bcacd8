import { SelfsupError } from '@selfsup/core'
import { z } from 'zod'
import { fromFormat2 } from './from-format-2.js'
import { trainSettings } from './settings.js'

/** Number of the format that this version writes. */
export const FORMAT_VERSION = 3

const imageShape = z.object({ size: z.number(), channels: z.number() })
const normalisationSchema = z.object({
  mean: z.array(z.number()).readonly(),
  std: z.array(z.number()).readonly(),
})
const optionValue = z.union([z.number(), z.boolean(), z.string()])

/** What is written down of a run when it starts: config.json. All that is needed to make method, backbone and images again. */
const runConfig = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  /** name of the method */
  method: z.string(),
  /** of the method, with its defaults as they were when the run started */
  options: z.record(z.string(), optionValue),
  /** missing from runs of format 2 that the command line did not make */
  backbone: z
    .object({
      /** of the backbone in @selfsup/backbones, or of the method's own, or of the model */
      name: z.string(),
      /** what `name` was made with by @selfsup/backbones; missing: as the method's definition has it */
      options: z.record(z.string(), z.unknown()).optional(),
      /** name of the file in the run's folder that holds the layers (`model.toJSON`), where there is no recipe */
      topology: z.string().optional(),
    })
    .optional(),
  /** of the images that the method gets; missing: what the backbone takes */
  imageShape: imageShape.optional(),
  /** of their pixels, once they are 0..1; missing where the method says nothing of it */
  normalisation: normalisationSchema.optional(),
  /** what makes features: the backbone's output, or a function of the method's own */
  features: z.enum(['backbone', 'method']),
  dataset: z.object({
    name: z.string(),
    fingerprint: z.string(),
    length: z.number(),
    channels: z.number().optional(),
    /** how to open it again; missing where the images came from no file */
    source: z.object({ path: z.string(), options: z.record(z.string(), optionValue) }).optional(),
  }),
  settings: trainSettings,
  stepsPerEpoch: z.number(),
  /** the caller's own, as it was given to `train` */
  config: z.record(z.string(), z.unknown()),
  /** in what its steps compute; missing from runs made before it was written down */
  precision: z.enum(['float32', 'mixed-bfloat16']).optional(),
  versions: z.record(z.string(), z.string()),
})

export type RunConfig = Readonly<z.infer<typeof runConfig>>

/**
 * A configuration from the text of config.json; one of format 2 becomes one of format 3, the file stays as it is.
 * @param where first words of the error
 * @throws SelfsupError when the text is damaged, of an unknown format, or not a run's
 */
export function parseRunConfig(text: string, where = 'config.json'): RunConfig {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new SelfsupError(`${where} is damaged: ${(error as Error).message}`)
  }
  const version = z.looseObject({ formatVersion: z.number() }).safeParse(content)
  if (!version.success) throw new SelfsupError(`${where} is not a run's: formatVersion is missing`)
  const { formatVersion } = version.data
  if (formatVersion !== 2 && formatVersion !== FORMAT_VERSION)
    throw new SelfsupError(
      `${where} was written by another version of Selfsup: format ${formatVersion}; this version reads 2 and ${FORMAT_VERSION}`,
    )
  const { success, data, error } = runConfig.safeParse(
    formatVersion === 2 ? fromFormat2(version.data) : version.data,
  )
  if (success) return data
  const [issue] = error.issues
  throw new SelfsupError(`${where} is not a run's: ${issue?.path.join('.')}: ${issue?.message}`)
}
