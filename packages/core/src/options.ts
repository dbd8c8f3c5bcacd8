import { SelfsupError } from './errors.js'
import { unknownName } from './nearest.js'

/** Earlier name and values of an option, so that runs and commands written for earlier versions keep working. */
export interface EarlierOption {
  /** earlier name, still accepted as an alias */
  readonly name?: string
  /** number that meant `'auto'` */
  readonly auto?: number
  /** maps earlier values, as strings, to today's values */
  readonly values?: Readonly<Record<string, OptionValue>>
}

interface CommonOption {
  /** one line of help; if the default is `'auto'`, also what that means */
  readonly description: string
  readonly earlier?: EarlierOption
}

/**
 * One option of a method, as data. The command line derives a flag, a check and a line of help from it.
 * `before` is the value that reproduces the behaviour of runs from before the option existed; default: `default`.
 */
export type MethodOption = CommonOption &
  (
    | {
        readonly type: 'number'
        /** if `'auto'`, the option accepts a number or `'auto'`; `min` and `max` limit the numbers */
        readonly default: number | 'auto'
        readonly before?: number | 'auto'
        readonly min?: number
        readonly max?: number
        readonly integer?: boolean
      }
    | { readonly type: 'boolean'; readonly default: boolean; readonly before?: boolean }
    | {
        readonly type: 'choice'
        readonly default: string
        readonly before?: string
        readonly choices: readonly string[]
      }
  )

/** Options of a method, by name. */
export type MethodOptions = Readonly<Record<string, MethodOption>>

/** Value of an option of any kind. */
export type OptionValue = number | boolean | string

/** Type of one option's value; for a choice, the union of its choices. Distributes over a union of options. */
type ValueOf<Option extends MethodOption> = Option extends { type: 'number' }
  ? 'auto' extends Option['default']
    ? number | 'auto'
    : number
  : Option extends { type: 'boolean' }
    ? boolean
    : Option extends { choices: readonly (infer Choice)[] }
      ? Choice
      : never

/** Types of a set of options' values: `temperature: number` for `temperature: { type: 'number', ... }`. */
export type OptionValues<Options extends MethodOptions> = {
  -readonly [Name in keyof Options]: ValueOf<Options[Name]>
}

/** Returns `automatic` if the given value is `'auto'`, otherwise the given value. */
export function ifAuto<Value>(given: Value | 'auto', automatic: Value): Value {
  return given === 'auto' ? automatic : given
}

/**
 * Checks the given options and fills in defaults.
 * @param definition definition of the method, or an object with its name and options
 * @param given values by name or by an option's earlier name; undefined counts as not given
 * @throws SelfsupError for an unknown name (suggesting the nearest one), a wrong type, a value out of range, or an option that
 *   is given by both of its names
 */
export function resolveOptions<Options extends MethodOptions>(
  { name: method, options }: { readonly name: string; readonly options: Options },
  given: Partial<OptionValues<Options>> = {},
): OptionValues<Options> {
  const named = new Map<string, unknown>()
  for (const [name, value] of Object.entries(given)) {
    const known = currentName(options, name)
    if (known === undefined)
      throw new SelfsupError(unknownName(`option of ${method}`, name, Object.keys(options)), {
        code: 'unknown-name',
      })
    if (value === undefined) continue
    if (named.has(known))
      throw new SelfsupError(
        `${method}'s option ${known} is given twice, also by its earlier name ${formerName(options, known)}`,
        { fix: 'leave one of them out' },
      )
    named.set(known, name === known ? value : currentValue(options[known]!, value))
  }
  const resolved = Object.entries(options).map(([name, option]) => {
    const value = named.get(name) ?? option.default
    if (!fits(option, value)) {
      const got = typeof value === 'string' ? JSON.stringify(value) : value
      throw new SelfsupError(`${method}'s option ${name} must be ${describeRange(option)}; got ${got}`, {
        fix: fixOf(name, option, value),
      })
    }
    return [name, value]
  })
  return Object.fromEntries(resolved)
}

/** Today's name of an option, given today's or its earlier name; undefined if there is no such option. */
export function currentName(options: MethodOptions, name: string): string | undefined {
  if (Object.hasOwn(options, name)) return name
  return Object.keys(options).find((known) => formerName(options, known) === name)
}

function formerName(options: MethodOptions, name: string): string | undefined {
  return options[name]!.earlier?.name
}

/** Converts an earlier version's value of an option to today's; other values are returned unchanged. */
export function currentValue({ earlier }: MethodOption, value: unknown): unknown {
  if (earlier?.auto !== undefined && value === earlier.auto) return 'auto'
  const { values = {} } = earlier ?? {}
  return Object.hasOwn(values, String(value)) ? values[String(value)] : value
}

/** The fix for an earlier version's value: which value to set instead. */
function fixOf(name: string, option: MethodOption, value: unknown): string | undefined {
  const now = currentValue(option, value)
  return now === value ? undefined : `set ${name} to ${now}, which earlier versions wrote as ${value}`
}

function fits(option: MethodOption, value: unknown): boolean {
  if (option.type === 'boolean') return typeof value === 'boolean'
  if (option.type === 'choice') return typeof value === 'string' && option.choices.includes(value)
  if (value === 'auto') return option.default === 'auto'
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer = false } = option
  if (typeof value !== 'number' || !Number.isFinite(value)) return false
  return value >= min && value <= max && (!integer || Number.isInteger(value))
}

/** Describes the valid values of an option, such as `a whole number of at least 1`. */
export function describeRange(option: MethodOption): string {
  if (option.type === 'boolean') return 'true or false'
  if (option.type === 'choice') return `one of ${option.choices.join(', ')}`
  return option.default === 'auto' ? `${numbersOf(option)}, or auto` : numbersOf(option)
}

function numbersOf({ min, max, integer }: Extract<MethodOption, { type: 'number' }>): string {
  const kind = integer ? 'a whole number' : 'a number'
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`
  if (min !== undefined) return `${kind} of at least ${min}`
  if (max !== undefined) return `${kind} of at most ${max}`
  return kind
}
