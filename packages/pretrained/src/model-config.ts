import { type ImageReading, type Normalisation, SelfsupError } from '@selfsup/core'
import type { ExportedNote } from '@selfsup/run-folder'
import * as z from 'zod'

/** What the JSON files next to the weights tell. */
export interface ModelConfig {
  /** attention heads of a vision transformer */
  readonly heads?: number
  /** the library that wrote config.json */
  readonly library?: 'timm' | 'transformers'
  /** timm's name of the model */
  readonly architecture?: string
  readonly preprocessing?: StoredPreprocessing
  /** images are resized as runs resize them, not as PIL does */
  readonly asRuns?: boolean
  /** how image files become pixels; default: automatically */
  readonly reading?: ImageReading
}

/** Preprocessing as stored: the shorter side is resized to `shorterSide`, then the central square of `size` is cut out. */
export interface StoredPreprocessing {
  readonly size: number
  readonly shorterSide: number
  readonly interpolation: 'bilinear' | 'bicubic'
  readonly normalisation: Normalisation
}

const numbers = z.array(z.number()).min(1)
const timm = z.looseObject({
  architecture: z.string(),
  pretrained_cfg: z.looseObject({
    input_size: z.tuple([z.number(), z.number(), z.number()]),
    interpolation: z.string(),
    crop_pct: z.number().positive(),
    mean: numbers,
    std: numbers,
  }),
})
const transformers = z.looseObject({
  model_type: z.string(),
  num_attention_heads: z.union([z.number(), z.array(z.number())]).optional(),
})
const side = z.union([
  z.number().transform((size) => size),
  z.looseObject({ shortest_edge: z.number() }).transform(({ shortest_edge }) => shortest_edge),
  z.looseObject({ height: z.number() }).transform(({ height }) => height),
])
const processor = z.looseObject({
  size: side,
  crop_size: side.optional(),
  do_center_crop: z.boolean().optional(),
  crop_pct: z.number().positive().optional(),
  /** PIL's numbers: 2 is bilinear, 3 bicubic */
  resample: z.number().optional(),
  image_mean: numbers,
  image_std: numbers,
})

/**
 * Understands config.json of timm or transformers and preprocessor_config.json of transformers.
 * @param files contents by name; both are optional
 * @throws SelfsupError if a file is not valid JSON
 */
export function parseModelConfig(files: Readonly<Record<string, string | undefined>>): ModelConfig {
  const config = parse('config.json', files['config.json'])
  const ofTimm = timm.safeParse(config)
  if (ofTimm.success) {
    const { input_size, interpolation, crop_pct, mean, std } = ofTimm.data.pretrained_cfg
    const size = input_size[1]
    return {
      library: 'timm',
      architecture: ofTimm.data.architecture,
      preprocessing: {
        size,
        shorterSide: Math.floor(size / crop_pct),
        interpolation: interpolation === 'bilinear' ? 'bilinear' : 'bicubic',
        normalisation: { mean, std },
      },
    }
  }
  const ofTransformers = transformers.safeParse(config)
  const heads = ofTransformers.success ? ofTransformers.data.num_attention_heads : undefined
  return {
    ...(ofTransformers.success && { library: 'transformers' }),
    ...(typeof heads === 'number' && { heads }),
    preprocessing: preprocessingOf(parse('preprocessor_config.json', files['preprocessor_config.json'])),
  }
}

/** Adds what an exported file tells about itself. The files next to the weights have precedence. */
export function withExported(config: ModelConfig, exported: ExportedNote | undefined): ModelConfig {
  if (!exported || config.preprocessing) return config
  const { size, normalisation, reading, resampling } = exported
  const { shorterSide, interpolation } = resampling ?? { shorterSide: size, interpolation: 'bilinear' }
  return {
    ...config,
    preprocessing: { size, shorterSide, interpolation, normalisation },
    ...(!resampling && { asRuns: true }),
    ...(reading && { reading }),
  }
}

function preprocessingOf(content: unknown): StoredPreprocessing | undefined {
  const { success, data } = processor.safeParse(content)
  if (!success) return undefined
  const { crop_size, do_center_crop = crop_size !== undefined, crop_pct, image_mean, image_std } = data
  const size = do_center_crop && crop_size !== undefined ? crop_size : data.size
  return {
    size,
    shorterSide: crop_pct ? Math.floor(data.size / crop_pct) : data.size,
    interpolation: data.resample === 2 ? 'bilinear' : 'bicubic',
    normalisation: { mean: image_mean, std: image_std },
  }
}

function parse(name: string, text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SelfsupError(`${name} is not valid JSON: ${(error as Error).message}`, {
      code: 'damaged-file',
      cause: error,
    })
  }
}
