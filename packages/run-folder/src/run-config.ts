import { SelfsupError } from '@selfsup/core'
import * as z from 'zod'
import { fromFormat2 } from './from-format-2.js'
import { type TrainSettings, trainSettings } from './settings.js'

/** Format version that this version of the package writes. */
export const FORMAT_VERSION = 3

const valueRange = z.object({ low: z.array(z.number()).readonly(), high: z.array(z.number()).readonly() })

/** How the values of image files became pixels: an `ImageReading`. */
export const readingSchema = z.object({
  bands: z.union([z.enum(['rgb', 'all']), z.array(z.int().min(0)).min(1).readonly()]),
  range: z.union([
    z.enum(['auto', 'image']),
    z.partialRecord(
      z.enum(['any', 'uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32']),
      valueRange,
    ),
  ]),
  background: z.string(),
  page: z.union([z.int().min(0), z.enum(['auto', 'all'])]),
  tile: z.int().min(1).optional(),
  stride: z.int().min(1).optional(),
})

const imageShape = z.object({ size: z.number(), channels: z.number() })
export const normalisationSchema = z.object({
  mean: z.array(z.number()).readonly(),
  std: z.array(z.number()).readonly(),
})
const optionValue = z.union([z.number(), z.boolean(), z.string()])

/** Content of config.json, written when a run starts: everything needed to recreate method, backbone and images. */
const runConfig = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  /** name of the method */
  method: z.string(),
  /** options of the method, with the defaults at the start of the run */
  options: z.record(z.string(), optionValue),
  /** missing from runs of format 2 made by a program */
  backbone: z
    .object({
      /** name of the backbone in @selfsup/backbones, of the method's own backbone, or of the model */
      name: z.string(),
      /** options with which @selfsup/backbones created it; if missing, those of the method's definition */
      options: z.record(z.string(), z.unknown()).optional(),
      /** name of the file in the run's folder with the layers (`model.toJSON`), if there is no recipe */
      topology: z.string().optional(),
      /** the weights that training started from, if they were pretrained ones */
      pretrained: z.object({ source: z.string(), file: z.string(), sha256: z.string() }).optional(),
    })
    .optional(),
  /** shape of the images that the method receives; if missing, the backbone's input shape */
  imageShape: imageShape.optional(),
  /** normalisation of pixels in 0..1; missing if the method has none */
  normalisation: normalisationSchema.optional(),
  /** the network that the method learns from: where it comes from, and the hash of its weights */
  teacher: z.object({ source: z.string(), fingerprint: z.string() }).optional(),
  /** source of the features: the backbone's output, or a function of the method */
  features: z.enum(['backbone', 'method']),
  dataset: z.object({
    name: z.string(),
    fingerprint: z.string(),
    length: z.number(),
    channels: z.number().optional(),
    /** how to open it again; missing if the images did not come from files */
    source: z.object({ path: z.string(), options: z.record(z.string(), optionValue) }).optional(),
    /** missing from runs of earlier versions, and if the images did not come from files */
    reading: readingSchema.optional(),
  }),
  settings: trainSettings satisfies z.ZodType<TrainSettings>,
  stepsPerEpoch: z.number(),
  /** the caller's own data, as passed to `train` */
  config: z.record(z.string(), z.unknown()),
  /** precision of its steps; missing from runs of earlier versions */
  precision: z.enum(['float32', 'mixed-bfloat16']).optional(),
  versions: z.record(z.string(), z.string()),
  /** when the run was given another number of epochs, and what it had been planned for until then */
  extensions: z
    .array(z.object({ step: z.number(), epochs: z.number(), maxSteps: z.number().optional() }))
    .optional(),
})

export type RunConfig = Readonly<z.infer<typeof runConfig>>

/**
 * Parses config.json. Format 2 is converted to format 3; the file is not changed.
 * @param where start of the error message
 * @throws SelfsupError if the text is damaged, has an unknown format, or is not the configuration of a run
 */
export function parseRunConfig(text: string, where = 'config.json'): RunConfig {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new SelfsupError(`${where} is damaged: ${(error as Error).message}`, { code: 'damaged-file' })
  }
  const version = z.looseObject({ formatVersion: z.number() }).safeParse(content)
  if (!version.success)
    throw new SelfsupError(`${where} is not a run's: formatVersion is missing`, { code: 'damaged-file' })
  const { formatVersion } = version.data
  if (formatVersion !== 2 && formatVersion !== FORMAT_VERSION)
    throw new SelfsupError(
      `${where} was written by another version of Selfsup: format ${formatVersion}; this version reads 2 and ${FORMAT_VERSION}`,
      { code: 'unsupported' },
    )
  const { success, data, error } = runConfig.safeParse(
    formatVersion === 2 ? fromFormat2(version.data) : version.data,
  )
  if (success) return data
  const [issue] = error.issues
  throw new SelfsupError(`${where} is not a run's: ${issue?.path.join('.')}: ${issue?.message}`, {
    code: 'damaged-file',
  })
}
