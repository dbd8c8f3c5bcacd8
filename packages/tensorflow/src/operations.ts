import { type Addon, attributeKinds } from './addon.js'

/** An attribute of a TensorFlow operation, as the kernels of tfjs-node pass it. */
export interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: unknown
}

interface DefinedOperation {
  readonly number: number
  readonly attributes: readonly Attribute[]
}

/** Our own attribute: the operation computes in float32 in mixed precision. It is not passed to TensorFlow. */
export const FLOAT32_ATTRIBUTE: Attribute = {
  name: 'selfsup_float32',
  type: attributeKinds.TF_ATTR_BOOL,
  value: true,
}

/** Maximum number of attribute sets stored per operation. */
const MOST = 32

/**
 * Numbers for operations with their attributes. Each is passed to the addon once, because passing names and attributes
 * takes longer than most operations take to run.
 */
export class Operations {
  private readonly known = new Map<string, DefinedOperation[]>()
  private count = 0

  constructor(private readonly addon: Pick<Addon, 'define'>) {}

  /** The addon's number of an operation. */
  numberOf(name: string, attributes: readonly Attribute[]): number {
    const known = this.known.get(name)
    if (known) for (const one of known) if (same(one.attributes, attributes)) return one.number
    return this.define(name, attributes, known)
  }

  private define(name: string, attributes: readonly Attribute[], known: DefinedOperation[] = []): number {
    const number = known.length < MOST ? this.count++ : known.shift()!.number
    const flat: unknown[] = []
    const copies: Attribute[] = []
    for (const { name, type, value } of attributes) {
      flat.push(name, type, value)
      copies.push({ name, type, value: Array.isArray(value) ? [...value] : value })
    }
    this.addon.define(number, name, flat)
    known.push({ number, attributes: copies })
    this.known.set(name, known)
    return number
  }
}

function same(a: readonly Attribute[], b: readonly Attribute[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!
    const y = b[i]!
    if (x.name !== y.name || x.type !== y.type) return false
    if (x.value !== y.value && !sameList(x.value, y.value)) return false
  }
  return true
}

function sameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
