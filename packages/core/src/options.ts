import { SelfsupError } from './errors.js'
import { unknownName } from './nearest.js'

/** What earlier versions called an option and its values, so that their runs and their users' commands keep working. */
export interface FormerOption {
  /** earlier name, still accepted as an alias */
  readonly name?: string
  /** number that stood for `'auto'` */
  readonly auto?: number
  /** earlier values by how they read, with today's */
  readonly values?: Readonly<Record<string, OptionValue>>
}

interface CommonOption {
  /** one line of help; of an option whose default is `'auto'`, also what that means */
  readonly description: string
  readonly formerly?: FormerOption
}

/**
 * One option of a method, as data: the command line makes a flag, a check and a line of help of it.
 * `before` is the value that does what runs did that were made before the option existed; default its `default`.
 */
export type MethodOption = CommonOption &
  (
    | {
        readonly type: 'number'
        /** `'auto'`: then the option takes a number or `'auto'`; `min` and `max` are of the numbers */
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

/** A method's options by name. */
export type MethodOptions = Readonly<Record<string, MethodOption>>

/** What an option of any kind holds. */
export type OptionValue = number | boolean | string

/** What one option holds; a choice, one of its choices. Distributes over a union of options. */
type ValueOf<Option extends MethodOption> = Option extends { type: 'number' }
  ? 'auto' extends Option['default']
    ? number | 'auto'
    : number
  : Option extends { type: 'boolean' }
    ? boolean
    : Option extends { choices: readonly (infer Choice)[] }
      ? Choice
      : never

/** The values of a set of options: `temperature: number` for `temperature: { type: 'number', ... }`. */
export type OptionValues<Options extends MethodOptions> = {
  -readonly [Name in keyof Options]: ValueOf<Options[Name]>
}

/** The value that an option was given, or the one that it takes where it is `'auto'`. */
export function ifAuto<Value>(given: Value | 'auto', automatic: Value): Value {
  return given === 'auto' ? automatic : given
}

/**
 * Options with nothing left open: defaults where none is given, each value checked.
 * @param definition the method's, or its name and options
 * @param given by name, or by the name that earlier versions had for it; undefined counts as not given
 * @throws SelfsupError for an unknown name (with the nearest known), another type, a value out of range, two names of one
 *   option
 */
export function resolveOptions<Options extends MethodOptions>(
  { name: method, options }: { readonly name: string; readonly options: Options },
  given: Partial<OptionValues<Options>> = {},
): OptionValues<Options> {
  const named = new Map<string, unknown>()
  for (const [name, value] of Object.entries(given)) {
    const known = knownName(options, name)
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
    named.set(known, name === known ? value : todays(options[known]!, value))
  }
  const resolved = Object.entries(options).map(([name, option]) => {
    const value = named.get(name) ?? option.default
    if (!fits(option, value)) {
      const got = typeof value === 'string' ? JSON.stringify(value) : value
      throw new SelfsupError(`${method}'s option ${name} must be ${rangeOf(option)}; got ${got}`, {
        fix: fixOf(name, option, value),
      })
    }
    return [name, value]
  })
  return Object.fromEntries(resolved)
}

/** The name that options have for one of today's or an earlier version's; undefined where there is none. */
export function knownName(options: MethodOptions, name: string): string | undefined {
  if (Object.hasOwn(options, name)) return name
  return Object.keys(options).find((known) => formerName(options, known) === name)
}

function formerName(options: MethodOptions, name: string): string | undefined {
  return options[name]!.formerly?.name
}

/** What an earlier version's value is called today. */
export function todays({ formerly }: MethodOption, value: unknown): unknown {
  if (formerly?.auto !== undefined && value === formerly.auto) return 'auto'
  const { values = {} } = formerly ?? {}
  return Object.hasOwn(values, String(value)) ? values[String(value)] : value
}

/** What to write in place of an earlier version's value. */
function fixOf(name: string, option: MethodOption, value: unknown): string | undefined {
  const now = todays(option, value)
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

/** What values an option takes, in words. */
export function rangeOf(option: MethodOption): string {
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
