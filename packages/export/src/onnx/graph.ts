import {
  type AttributeMessage,
  attributeTypes,
  type NodeMessage,
  type TensorMessage,
  tensorTypes,
} from './schema.js'

/** Attributes of a node: whole numbers, lists of them, strings; floating-point numbers as `{ float: 0.2 }`. */
export type Attributes = Readonly<
  Record<string, number | string | readonly number[] | { readonly float: number }>
>

/**
 * A value in the graph. Its shape is that of TensorFlow.js, without the batch: maps are [height, width, channels]. A map
 * is available with its channels last, as in TensorFlow.js, or first, as ONNX's convolutions take it, or both.
 */
export interface Value {
  readonly shape: readonly number[]
  /** names of the value in the graph */
  last?: string
  first?: string
}

/** Collects the nodes and constants of an ONNX graph. */
export class GraphBuilder {
  readonly nodes: NodeMessage[] = []
  readonly constants: TensorMessage[] = []
  readonly #names = new Map<string, number>()
  /** names of constants that several nodes use, by their content */
  readonly #shared = new Map<string, string>()

  /** Adds a node with one output. @returns the output's name */
  node(opType: string, name: string, input: readonly string[], attributes: Attributes = {}): string {
    return this.split(opType, name, input, 1, attributes)[0]!
  }

  /** Adds a node with several outputs. @returns their names */
  split(
    opType: string,
    name: string,
    input: readonly string[],
    outputs: number,
    attributes: Attributes = {},
  ): string[] {
    const own = this.unused(name)
    const output =
      outputs === 1 ? [own] : Array.from({ length: outputs }, (_, i) => this.unused(`${own}:${i}`))
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value))
    this.nodes.push({ name: own, opType, input, output, attribute })
    return output
  }

  /** Adds a float32 constant. @returns its name */
  floats(name: string, values: Float32Array, dims: readonly number[]): string {
    const own = this.unused(name)
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    this.constants.push({ name: own, dims, dataType: tensorTypes.float32, rawData })
    return own
  }

  /** A float32 scalar. @returns its name */
  scalar(value: number): string {
    return this.#share(`number/${value}`, (name) => this.floats(name, Float32Array.of(value), []))
  }

  /** A list of int64, such as a shape. @returns its name */
  integers(values: readonly number[]): string {
    return this.#share(`list/${values.join(',')}`, (name) => {
      const own = this.unused(name)
      const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
      this.constants.push({ name: own, dims: [values.length], dataType: tensorTypes.int64, rawData })
      return own
    })
  }

  /** The name of a value with its channels first; only maps of rank 4 have one. */
  first(value: Value): string {
    value.first ??= this.node('Transpose', `${value.last}/first`, [value.last!], { perm: [0, 3, 1, 2] })
    return value.first
  }

  /** The name of a value as TensorFlow.js lays it out. */
  last(value: Value): string {
    value.last ??= this.node('Transpose', `${value.first}/last`, [value.first!], { perm: [0, 2, 3, 1] })
    return value.last
  }

  /** `name`, or with a number added if a node has it already. */
  unused(name: string): string {
    const count = this.#names.get(name) ?? 0
    this.#names.set(name, count + 1)
    return count === 0 ? name : this.unused(`${name}#${count + 1}`)
  }

  #share(key: string, make: (name: string) => string): string {
    const known = this.#shared.get(key) ?? make(key)
    this.#shared.set(key, known)
    return known
  }
}

function attributeOf(name: string, value: Attributes[string]): AttributeMessage {
  if (typeof value === 'number') return { name, type: attributeTypes.int, i: value }
  if (typeof value === 'string')
    return { name, type: attributeTypes.string, s: new TextEncoder().encode(value) }
  if ('float' in value) return { name, type: attributeTypes.float, f: value.float }
  return { name, type: attributeTypes.ints, ints: value }
}
