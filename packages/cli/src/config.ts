import { readFile } from 'node:fs/promises'
import {
  currentName,
  type MethodDefinition,
  type MethodOption,
  type OptionValue,
  resolveOptions,
  SelfsupError,
  unknownName,
} from '@selfsup/core'
import { z } from 'zod'

const settings = z.strictObject({
  out: z.string().min(1),
  backbone: z.string(),
  teacher: z.string().min(1),
  size: z.int().min(4),
  epochs: z.int().min(1),
  batch: z.int().min(2),
  seed: z.int().min(0),
  optimizer: z.enum(['sgd', 'lars', 'adamw']),
  learningRate: z.number().positive(),
  weightDecay: z.number().min(0),
  warmup: z.number().min(0),
  split: z.string(),
  count: z.int().min(2),
  limit: z.int().min(1),
  checkpointEvery: z.int().min(1),
  patience: z.int().min(0),
  stopBy: z.enum(['rankme', 'lidar']),
  strict: z.boolean(),
  force: z.boolean(),
  range: z.string(),
  bands: z.string(),
  background: z.string(),
  page: z.string(),
  tile: z.int().min(2),
  stride: z.int().min(1),
  engine: z.enum(['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu']),
  options: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
})

/** Settings of a run, from flags or a configuration file. */
export type Settings = Partial<z.infer<typeof settings>>

/**
 * Reads settings from a JSON file and checks them.
 * @throws SelfsupError that names the file and each invalid setting
 */
export async function readConfig(path: string): Promise<Settings> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new SelfsupError(`${path} is not valid JSON: ${error.message}`)
    throw error
  }
  return checkSettings(content, path)
}

/**
 * Checks settings against the schema.
 * @param where file name or `options`, the start of the message
 * @throws SelfsupError that names each invalid setting
 */
export function checkSettings(content: unknown, where: string): Settings {
  const result = settings.partial().safeParse(content)
  if (result.success) return result.data
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownName('setting', key, Object.keys(settings.shape)))
      : [`${issue.path.join('.') || 'the whole file'}: ${issue.message}`],
  )
  throw new SelfsupError(`${where}: ${problems.join('; ')}`)
}

/** Checks the name of a split. @throws SelfsupError if it is neither train nor test */
export function splitOf(name = 'train'): 'train' | 'test' {
  if (name === 'train' || name === 'test') return name
  throw new SelfsupError(`--split must be train or test; got '${name}'`)
}

/**
 * Options of a method, from `name=value` words and the `options` of a configuration file; defaults for the rest.
 * @param words values of --set; they override the file
 * @throws SelfsupError that names the option and its valid values
 */
export function methodOptions(
  definition: MethodDefinition,
  words: readonly string[],
  fromFile: Settings['options'] = {},
): Record<string, OptionValue> {
  const given: Record<string, OptionValue> = { ...fromFile }
  for (const word of words) {
    const [name, ...rest] = word.split('=')
    if (!name || rest.length === 0) throw new SelfsupError(`--set expects option=value; got '${word}'`)
    const known = currentName(definition.options, name)
    given[name] = meaningOf(known === undefined ? undefined : definition.options[known], rest.join('='))
  }
  return resolveOptions(definition, given)
}

/** Converts a word to the option's type. A word that can't be converted is returned unchanged: the check that follows refuses it. */
function meaningOf(option: MethodOption | undefined, word: string): OptionValue {
  if (option?.type === 'number' && word.trim() !== '' && !Number.isNaN(Number(word))) return Number(word)
  if (option?.type === 'boolean' && /^(true|false)$/.test(word)) return word === 'true'
  return word
}
