import { SelfsupError } from './errors.js'
import { unknownName } from './nearest.js'

/** One option of a method, as data: the command line makes a flag, a check and a line of help of it. */
export type MethodOption =
  | {
      readonly type: 'number'
      readonly default: number
      readonly min?: number
      readonly max?: number
      readonly integer?: boolean
      readonly description: string
    }
  | { readonly type: 'boolean'; readonly default: boolean; readonly description: string }
  | {
      readonly type: 'choice'
      readonly default: string
      readonly choices: readonly string[]
      readonly description: string
    }

/** A method's options by name. */
export type MethodOptions = Readonly<Record<string, MethodOption>>

/** What an option of any kind holds. */
export type OptionValue = number | boolean | string

/** What one option holds; a choice, one of its choices. Distributes over a union of options. */
type ValueOf<Option extends MethodOption> = Option extends { type: 'number' }
  ? number
  : Option extends { type: 'boolean' }
    ? boolean
    : Option extends { choices: readonly (infer Choice)[] }
      ? Choice
      : never

/** The values of a set of options: `temperature: number` for `temperature: { type: 'number', ... }`. */
export type OptionValues<Options extends MethodOptions> = {
  -readonly [Name in keyof Options]: ValueOf<Options[Name]>
}

/**
 * Options with nothing left open: defaults where none is given, each value checked.
 * @param definition the method's, or its name and options
 * @param given by name; undefined counts as not given
 * @throws SelfsupError for an unknown name (with the nearest known), another type, a value out of range
 */
export function resolveOptions<Options extends MethodOptions>(
  { name: method, options }: { readonly name: string; readonly options: Options },
  given: Partial<OptionValues<Options>> = {},
): OptionValues<Options> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(options, name))
      throw new SelfsupError(unknownName(`option of ${method}`, name, Object.keys(options)))
  }
  const resolved = Object.entries(options).map(([name, option]) => {
    const value: unknown = given[name] ?? option.default
    if (!fits(option, value)) {
      throw new SelfsupError(
        `${method}'s option ${name} must be ${rangeOf(option)}; got ${typeof value === 'string' ? JSON.stringify(value) : value}`,
      )
    }
    return [name, value]
  })
  return Object.fromEntries(resolved)
}

function fits(option: MethodOption, value: unknown): boolean {
  if (option.type === 'boolean') return typeof value === 'boolean'
  if (option.type === 'choice') return typeof value === 'string' && option.choices.includes(value)
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer = false } = option
  if (typeof value !== 'number' || !Number.isFinite(value)) return false
  return value >= min && value <= max && (!integer || Number.isInteger(value))
}

/** What values an option takes, in words. */
export function rangeOf(option: MethodOption): string {
  if (option.type === 'boolean') return 'true or false'
  if (option.type === 'choice') return `one of ${option.choices.join(', ')}`
  const kind = option.integer ? 'a whole number' : 'a number'
  if (option.min !== undefined && option.max !== undefined)
    return `${kind} from ${option.min} to ${option.max}`
  if (option.min !== undefined) return `${kind} of at least ${option.min}`
  if (option.max !== undefined) return `${kind} of at most ${option.max}`
  return kind
}
