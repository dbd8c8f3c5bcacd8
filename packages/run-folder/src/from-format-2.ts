import * as z from 'zod'

/** What the command line of format 2 wrote into `config`, the caller's part of a run. */
const commandLine = z.object({
  backbone: z.string(),
  images: z.object({
    source: z.string(),
    split: z.string(),
    count: z.number().optional(),
    strict: z.boolean().optional(),
  }),
  pictures: z.object({ size: z.number(), channels: z.number() }),
  normalisation: z.unknown().optional(),
})

/** The normalisation that the command line used in runs that contain none. */
const defaults = {
  gray: { mean: [0.449], std: [0.226] },
  colour: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
}

/**
 * Converts config.json from format 2 to format 3. Runs of the command line had backbone and images in `config`, the caller's
 * part. Runs of other programs did not contain them: only their exported model describes the backbone. Options stay as they
 * were stored; the method's definition converts them (`migrateOptions`).
 */
export function fromFormat2(content: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { data } = commandLine.safeParse(content.config)
  if (!data) return { ...content, formatVersion: 3, features: 'method' }
  const { images, pictures, backbone } = data
  const { source: path, split, count, strict = false } = images
  const options = {
    split,
    strict,
    channels: pictures.channels,
    ...(count !== undefined && { count }),
    ...(path === 'shapes' && { imageSize: pictures.size }),
  }
  return {
    ...content,
    formatVersion: 3,
    backbone: { name: backbone },
    imageShape: pictures,
    normalisation:
      content.normalisation ??
      data.normalisation ??
      (pictures.channels === 1 ? defaults.gray : defaults.colour),
    features: 'method',
    dataset: { ...(content.dataset as object), source: { path, options } },
    config: {},
  }
}
