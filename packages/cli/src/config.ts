import { readFile } from 'node:fs/promises'
import {
  knownName,
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
  strict: z.boolean(),
  engine: z.enum(['auto', 'tensorflow', 'wasm', 'cpu']),
  options: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
})

/** Settings of a run as flags or a configuration file give them. */
export type Settings = Partial<z.infer<typeof settings>>

/**
 * Settings from a JSON file, checked.
 * @throws SelfsupError naming the file and each wrong setting
 */
export async function readConfig(path: string): Promise<Settings> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new SelfsupError(`${path} is no JSON: ${error.message}`)
    throw error
  }
  return checkSettings(content, path)
}

/**
 * Settings checked against what there is.
 * @param where file or flags, first word of the message
 * @throws SelfsupError
 */
export function checkSettings(content: unknown, where: string): Settings {
  const result = settings.partial().safeParse(content)
  if (result.success) return result.data
  const problems = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownName('setting', key, Object.keys(settings.shape)))
      : [`${issue.path.join('.') || 'the whole'}: ${issue.message}`],
  )
  throw new SelfsupError(`${where}: ${problems.join('; ')}`)
}

/** A part of a dataset by its name. @throws SelfsupError when it is neither */
export function splitOf(name = 'train'): 'train' | 'test' {
  if (name === 'train' || name === 'test') return name
  throw new SelfsupError(`--split must be train or test; got '${name}'`)
}

/**
 * A method's options from `name=value` words and a configuration file's `options`, with its defaults for the rest.
 * @param words from --set; they win over the file
 * @throws SelfsupError naming the option and what it takes
 */
export function methodOptions(
  definition: MethodDefinition,
  words: readonly string[],
  fromFile: Settings['options'] = {},
): Record<string, OptionValue> {
  const given: Record<string, OptionValue> = { ...fromFile }
  for (const word of words) {
    const [name, ...rest] = word.split('=')
    if (!name || rest.length === 0) throw new SelfsupError(`--set takes option=value; got '${word}'`)
    const known = knownName(definition.options, name)
    given[name] = meaningOf(known === undefined ? undefined : definition.options[known], rest.join('='))
  }
  return resolveOptions(definition, given)
}

/** What a word means by the option's type; as it is where it means nothing, for the error that follows. */
function meaningOf(option: MethodOption | undefined, word: string): OptionValue {
  if (option?.type === 'number' && word.trim() !== '' && !Number.isNaN(Number(word))) return Number(word)
  if (option?.type === 'boolean' && /^(true|false)$/.test(word)) return word === 'true'
  return word
}
