import { SelfsupError } from '@selfsup/core'
import { PickleBytes } from './pickle-bytes.js'

/** What a pickle of tensors can contain. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject

/** A value that the caller's functions return. */
export interface PickleObject {
  readonly kind: string
}

/** A function that a pickle may call, by its name in Python. It receives plain values and must not have side effects. */
export type PickleFunction = (...args: PickleValue[]) => PickleValue

/** What names in a pickle mean. */
export interface PickleMeaning {
  /** functions and constants by Python's name, such as `collections.OrderedDict`. Nothing else can be named */
  readonly globals: ReadonlyMap<string, PickleFunction | PickleObject>
  /** resolves a persistent identifier, such as a reference to a storage */
  persistent(id: PickleValue): PickleValue
}

/** A function that the pickle names. It can be called, but not stored or passed on. */
class Named {
  constructor(
    readonly name: string,
    readonly call: PickleFunction,
  ) {}
}

/** A mark on the stack, where a list of operands starts. */
const MARK = Symbol('mark')
type Item = PickleValue | Named | typeof MARK

/** Largest number of values in one pickle; the state of a network with 10,000 tensors has about 200,000. */
const MOST_VALUES = 5_000_000
/** Largest number of arguments of a call; that of a tensor has seven. */
const MOST_ARGUMENTS = 16

/**
 * Reads one pickle (Python's serialisation, protocols 2 to 5) that contains tensors and containers only. Runs no code: names
 * are looked up in `meaning.globals`, and every other name is an error.
 * @param data bytes that start with a pickle
 * @param start position of its first byte
 * @returns the value and the position of the byte after the pickle
 * @throws SelfsupError that names what is not allowed, or says where the pickle is damaged
 */
export function readPickle(
  data: Uint8Array,
  start: number,
  meaning: PickleMeaning,
): { value: PickleValue; end: number } {
  const bytes = new PickleBytes(data, start)
  const stack: Item[] = []
  const memo = new Map<number, Item>()
  let values = 0

  const refuse = (problem: string): never => {
    throw new SelfsupError(problem, { code: 'damaged-file' })
  }
  const count = (more: number) => {
    values += more
    if (values > MOST_VALUES) refuse(`it has more than ${MOST_VALUES} values`)
  }
  const push = (item: Item) => {
    count(1)
    stack.push(item)
  }
  const pop = (): PickleValue => {
    const item = stack.pop()
    if (item === undefined || item === MARK) return refuse('an operand is missing')
    if (item instanceof Named) return refuse(`it uses ${item.name} as a value`)
    return item
  }
  const popMarked = (): PickleValue[] => {
    const at = stack.lastIndexOf(MARK)
    if (at < 0) return refuse('an operand is missing')
    const items = stack.splice(at).slice(1)
    if (items.some((item) => item instanceof Named)) return refuse('it stores a function')
    return items as PickleValue[]
  }
  const top = () => stack.at(-1)
  const append = (items: readonly PickleValue[]) => {
    const list = top()
    if (!Array.isArray(list)) return refuse('it appends to a value that is not a list')
    for (const item of items) list.push(item)
  }
  const set = (pairs: readonly PickleValue[]) => {
    const map = top()
    if (!(map instanceof Map) || pairs.length % 2 !== 0)
      return refuse('it sets an item of a value that is not a dictionary')
    for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i]!, pairs[i + 1]!)
  }
  const named = (module: PickleValue, name: PickleValue) => {
    // A list as a name could be a text of any length: it can contain another list many times, and that one a third.
    if (typeof module !== 'string' || typeof name !== 'string')
      return refuse('it has a name that is not text')
    const full = `${module}.${name}`
    const meant = meaning.globals.get(full)
    if (meant === undefined)
      return refuse(`it names ${full}, which is not a tensor or a container; nothing of it was run`)
    push(typeof meant === 'function' ? new Named(full, meant) : meant)
  }
  const call = () => {
    const args = pop()
    const called = stack.pop()
    if (!(called instanceof Named)) return refuse('it calls a value that is not a function')
    if (!Array.isArray(args)) return refuse(`it calls ${called.name} without a tuple of arguments`)
    if (args.length > MOST_ARGUMENTS) return refuse(`it calls ${called.name} with ${args.length} arguments`)
    // The function may copy its arguments, and a pickle can pass the same list many times.
    for (const arg of args) if (Array.isArray(arg)) count(arg.length)
    push(called.call(...args))
  }
  const recall = (index: number) => {
    const item = memo.get(index)
    if (item === undefined) return refuse(`it recalls value ${index}, which it has not stored`)
    push(item)
  }
  const memorise = (index: number) => {
    const item = top()
    if (item === undefined) return refuse('an operand is missing')
    memo.set(index, item)
  }
  const tuple = (length: number) => {
    const items: PickleValue[] = []
    for (let i = 0; i < length; i++) items.unshift(pop())
    push(items)
  }

  const operations: Readonly<Record<number, () => unknown>> = {
    128: () => bytes.byte() > 5 && refuse('it has a protocol after 5'),
    149: () => bytes.skip(8), // a frame: only says how much to read at once
    [code('(')]: () => push(MARK),
    [code('0')]: () => stack.pop(),
    [code('N')]: () => push(null),
    136: () => push(true),
    137: () => push(false),
    [code('K')]: () => push(bytes.unsigned(1)),
    [code('M')]: () => push(bytes.unsigned(2)),
    [code('J')]: () => push(bytes.int32()),
    138: () => push(bytes.long(bytes.byte())),
    [code('G')]: () => push(bytes.float64()),
    [code('X')]: () => push(bytes.text(bytes.unsigned(4))),
    140: () => push(bytes.text(bytes.byte())),
    141: () => push(bytes.text(bytes.unsigned(8))),
    [code('U')]: () => push(bytes.text(bytes.byte())),
    [code('T')]: () => push(bytes.text(bytes.unsigned(4))),
    [code('C')]: () => push(bytes.take(bytes.byte())),
    [code('B')]: () => push(bytes.take(bytes.unsigned(4))),
    [code('}')]: () => push(new Map()),
    [code(']')]: () => push([]),
    [code(')')]: () => push([]),
    143: () => push([]), // a set, as the list of its items
    133: () => tuple(1),
    134: () => tuple(2),
    135: () => tuple(3),
    [code('t')]: () => push(popMarked()),
    [code('l')]: () => push(popMarked()),
    [code('a')]: () => append([pop()]),
    [code('e')]: () => append(popMarked()),
    144: () => append(popMarked()),
    [code('s')]: () => set([pop(), pop()].reverse()),
    [code('u')]: () => set(popMarked()),
    [code('q')]: () => memorise(bytes.byte()),
    [code('r')]: () => memorise(bytes.unsigned(4)),
    148: () => memorise(memo.size),
    [code('h')]: () => recall(bytes.byte()),
    [code('j')]: () => recall(bytes.unsigned(4)),
    [code('c')]: () => named(bytes.line(), bytes.line()),
    147: () => {
      const name = pop()
      named(pop(), name)
    },
    [code('R')]: call,
    [code('Q')]: () => push(meaning.persistent(pop())),
    // Attributes of an ordered dictionary, such as the versions of modules; of anything else they could change its meaning.
    [code('b')]: () => {
      pop()
      if (!(top() instanceof Map)) refuse('it sets attributes of a value that is not a dictionary')
    },
  }
  for (;;) {
    const at = bytes.position
    const operation = bytes.byte()
    if (operation === code('.')) return { value: pop(), end: bytes.position }
    const run = operations[operation]
    if (!run)
      refuse(
        `byte ${at} is operation 0x${operation.toString(16).padStart(2, '0')}, which tensors and containers don't need`,
      )
    run!()
  }
}

function code(character: string): number {
  return character.charCodeAt(0)
}
