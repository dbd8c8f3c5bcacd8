import { expected } from '@selfsup/core'
import { openFile } from '@selfsup/run-folder'
import { readFully } from './read-fully.js'

const types = { '<f4': Float32Array, '<f8': Float64Array } as const

/** NumPy's own limit (`max_header_size` of `numpy.load`) on what it parses is 10,000 bytes. */
const MOST_DESCRIPTION = 10_000

/** What the header of an .npy file says. */
interface Description {
  readonly type: keyof typeof types
  readonly count: number
  readonly width: number
}

/**
 * An array [count, width] of float32 or float64 as `numpy.save` writes it, versions 1 to 3 of the format
 * (numpy.lib.format). float64 is rounded to float32.
 * @throws SelfsupError when it is another file or array, or its length is not what its shape needs
 */
export async function readNpy(path: string): Promise<{ values: Float32Array; count: number; width: number }> {
  const file = await openFile(path)
  try {
    const isNone = `${path} is not a NumPy array (.npy)`
    const { size } = await file.stat()
    const head = Buffer.alloc(12)
    await readFully(file, head, 0, isNone)
    expected(head.toString('latin1', 0, 6) === '\x93NUMPY' && head[6]! >= 1 && head[6]! <= 3, isNone)
    const start = head[6] === 1 ? 10 : 12
    const length = head[6] === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8)
    expected(
      length <= MOST_DESCRIPTION && start + length <= size,
      `${path} is damaged: its header would be ${length} bytes long`,
    )
    const described = Buffer.alloc(length)
    await readFully(file, described, start, isNone)
    const { type, count, width } = describedArray(described.toString('latin1').trim(), path)
    const Numbers = types[type]
    const needed = count * width * Numbers.BYTES_PER_ELEMENT
    const held = size - start - length
    expected(
      needed === held,
      `${path} must hold ${count} x ${width} numbers, ${needed} bytes; it ${held < needed ? 'ends before' : 'goes on'}, with ${held} bytes`,
    )
    const values = new Numbers(count * width)
    await readFully(file, new Uint8Array(values.buffer), start + length, `${path} was cut while it was read`)
    return { values: values instanceof Float32Array ? values : Float32Array.from(values), count, width }
  } finally {
    await file.close()
  }
}

/** The literal of a Python dictionary that `numpy.save` writes: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. */
function describedArray(text: string, path: string): Description {
  const advice = `got ${text.slice(0, 200)}: numpy.save(path, numpy.ascontiguousarray(features, dtype="float32"))`
  const wanted = `${path} must be an array [count, width] of float32 or float64 in C order`
  const type = /'descr':\s*'([^']+)'/.exec(text)?.[1] ?? 'none'
  expected(Object.hasOwn(types, type), `${wanted}; its type is ${type}; ${advice}`)
  expected(/'fortran_order':\s*False/.test(text), `${wanted}; it is in Fortran order; ${advice}`)
  const [, rows, columns] = /'shape':\s*\(\s*(\d+)\s*,\s*(\d+)\s*,?\s*\)/.exec(text) ?? []
  expected(rows && columns, `${wanted}; it has another shape; ${advice}`)
  const [count, width] = [Number(rows), Number(columns)]
  expected(count > 0 && width > 0, `${path} holds no features: its shape is [${count},${width}]`)
  return { type: type as keyof typeof types, count, width }
}
