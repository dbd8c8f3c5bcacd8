import { readFile } from 'node:fs/promises'
import { type MethodDefinition, type MethodOption, SelfsupError } from '@selfsup/core'
import { z } from 'zod'
import { unknown } from './nearest.js'

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
      ? issue.keys.map((key) => unknown('setting', key, Object.keys(settings.shape)))
      : [`${issue.path.join('.') || 'the whole'}: ${issue.message}`],
  )
  throw new SelfsupError(`${where}: ${problems.join('; ')}`)
}

/**
 * A method's options from `name=value` words and a configuration file's `options`.
 * @param words from --set
 * @throws SelfsupError naming the option and what it takes
 */
export function methodOptions(
  definition: MethodDefinition,
  words: readonly string[],
  fromFile: Settings['options'] = {},
): Record<string, number | boolean | string> {
  const given = Object.entries(fromFile)
  for (const word of words) {
    const [name, ...rest] = word.split('=')
    if (!name || rest.length === 0) throw new SelfsupError(`--set takes option=value; got '${word}'`)
    given.push([name, rest.join('=')])
  }
  return Object.fromEntries(
    given.map(([name, value]) => {
      const option = definition.options[name]
      if (!option)
        throw new SelfsupError(unknown(`option of ${definition.name}`, name, Object.keys(definition.options)))
      return [name, optionValue(`${definition.name}'s option ${name}`, option, value)]
    }),
  )
}

function optionValue(
  name: string,
  option: MethodOption,
  value: number | boolean | string,
): number | boolean | string {
  const wrong = (expected: string) =>
    new SelfsupError(`${name} must be ${expected}; got ${JSON.stringify(value)}`)
  if (option.type === 'boolean') {
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    throw wrong('true or false')
  }
  if (option.type === 'choice') {
    if (option.choices.includes(String(value))) return String(value)
    throw wrong(`one of ${option.choices.join(', ')}`)
  }
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer } = option
  if (!Number.isFinite(number) || number < min || number > max || (integer && !Number.isInteger(number))) {
    throw wrong(range(option))
  }
  return number
}

/** What values an option takes, in words. */
export function range(option: MethodOption): string {
  if (option.type === 'boolean') return 'true or false'
  if (option.type === 'choice') return option.choices.join(', ')
  const kind = option.integer ? 'a whole number' : 'a number'
  if (option.min !== undefined && option.max !== undefined)
    return `${kind} from ${option.min} to ${option.max}`
  if (option.min !== undefined) return `${kind} of at least ${option.min}`
  if (option.max !== undefined) return `${kind} of at most ${option.max}`
  return kind
}
