import { z } from 'zod'

/** What the command line wrote into the caller's part, `config`, of a run of format 2. */
const commandLine = z.object({
  backbone: z.string(),
  images: z.object({
    source: z.string(),
    split: z.string(),
    count: z.number().optional(),
    strict: z.boolean().optional(),
  }),
  pictures: z.object({ size: z.number(), channels: z.number() }),
  normalisation: z.unknown(),
})

/** What the command line took where it did not write down a normalisation. */
const usual = {
  gray: { mean: [0.449], std: [0.226] },
  colour: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
}

/**
 * The content of config.json of format 2 as format 3 has it. Runs of the command line had backbone and images in `config`,
 * which was the caller's part; runs of other programs had them nowhere: their backbone is known by its exported model alone.
 * Options stay as they were stored: what they mean today is for the method's definition to say.
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
      content.normalisation ?? data.normalisation ?? (pictures.channels === 1 ? usual.gray : usual.colour),
    features: 'method',
    dataset: { ...(content.dataset as object), source: { path, options } },
    config: {},
  }
}
