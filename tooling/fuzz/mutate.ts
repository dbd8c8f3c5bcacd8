import { mulberry32 } from '../random/mulberry32.mjs'

/** Returns a function that draws random integers below a limit; the same seed gives the same sequence. */
export function numbers(seed: number): (below: number) => number {
  const random = mulberry32(seed)
  return (below) => Math.floor(random() * below)
}

/** Smallest and largest values of the integer types that store lengths and offsets. */
const edges = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn]
const wideEdges = [...edges, 2n ** 40n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 64n - 1n]
const texts = [
  '0',
  '-1',
  '1e9',
  '99999999999',
  '2147483648',
  '1e400',
  '0.5',
  'null',
  '""',
  '[]',
  '{}',
  'NaN',
  '../x',
  '[[[[',
]

/** Applies one to four random changes to a file's bytes: flips bits, writes edge values, and cuts, repeats or inserts parts. */
export function mutate(original: Buffer, below: (limit: number) => number): Buffer {
  let bytes: Buffer = Buffer.from(original)
  for (let change = 1 + below(4); change > 0; change--) bytes = changed(bytes, below)
  return bytes
}

function changed(bytes: Buffer, below: (limit: number) => number): Buffer {
  if (bytes.length === 0) return Buffer.from([below(256)])
  // Headers are at the beginning or the end of a file, and contain the lengths.
  const places = [bytes.length, Math.min(64, bytes.length), Math.min(1024, bytes.length)]
  const at = below(8) === 0 ? bytes.length - 1 - below(Math.min(64, bytes.length)) : below(places[below(3)]!)
  const length = 1 + below(Math.min(bytes.length - at, [4, 64, 4096][below(3)]!))
  const part = bytes.subarray(at, at + length)
  const replaced = (by: Uint8Array, removed = length) =>
    Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + removed)])
  switch (below(9)) {
    case 0:
      bytes[at]! ^= 1 << below(8)
      return bytes
    case 1:
      bytes[at] = below(256)
      return bytes
    case 2:
      return bytes.subarray(0, at)
    case 3:
      return replaced(Buffer.concat([part, part]))
    case 4:
      return replaced(Buffer.alloc(0))
    case 5:
      return replaced(Buffer.from(Array.from({ length }, () => below(256))), below(2) * length)
    case 6:
      return replaced(edge(below), 0)
    case 7: {
      const value = edge(below)
      return replaced(value, Math.min(value.length, bytes.length - at))
    }
    default:
      return withText(bytes, at, below)
  }
}

/** An edge value in two, four or eight bytes, little or big endian. */
function edge(below: (limit: number) => number): Buffer {
  const width = [2, 4, 8][below(3)]!
  const value = BigInt.asUintN(8 * width, wideEdges[below(wideEdges.length)]!)
  const bytes = Buffer.from(value.toString(16).padStart(2 * width, '0'), 'hex')
  return below(2) === 0 ? bytes : bytes.reverse()
}

/** Replaces the next number in digits after an offset with another text. */
function withText(bytes: Buffer, at: number, below: (limit: number) => number): Buffer {
  const text = bytes.toString('latin1')
  const found = /-?\d[\d.eE+-]*/.exec(text.slice(at, at + 4096))
  if (!found) return bytes
  const start = at + found.index
  return Buffer.from(
    text.slice(0, start) + texts[below(texts.length)] + text.slice(start + found[0].length),
    'latin1',
  )
}
