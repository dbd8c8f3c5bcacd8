import { expected } from '@selfsup/core'
import { openFile, readFully } from '@selfsup/run-folder'

const types = { '<f4': Float32Array, '<f8': Float64Array } as const

/** NumPy's default limit for headers (`max_header_size` of `numpy.load`), in bytes. */
const MOST_DESCRIPTION = 10_000

/** Type and shape in the header of an .npy file. */
interface Description {
  readonly type: keyof typeof types
  readonly count: number
  readonly width: number
}

/**
 * Reads an array [count, width] of float32 or float64 that `numpy.save` wrote, in versions 1 to 3 of the format
 * (numpy.lib.format). float64 is rounded to float32.
 * @throws SelfsupError if the file is not such an array, or its length does not match its shape
 */
export async function readNpy(path: string): Promise<{ values: Float32Array; count: number; width: number }> {
  const file = await openFile(path)
  try {
    const notAnArray = `${path} is not a NumPy array (.npy)`
    const { size } = await file.stat()
    const head = Buffer.alloc(12)
    await readFully(file, head, 0, notAnArray)
    expected(head.toString('latin1', 0, 6) === '\x93NUMPY' && head[6]! >= 1 && head[6]! <= 3, notAnArray)
    const start = head[6] === 1 ? 10 : 12
    const length = head[6] === 1 ? head.readUInt16LE(8) : head.readUInt32LE(8)
    expected(
      length <= MOST_DESCRIPTION && start + length <= size,
      `${path} is damaged: the length of its header is given as ${length} bytes`,
    )
    const described = Buffer.alloc(length)
    await readFully(file, described, start, notAnArray)
    const { type, count, width } = describedArray(described.toString('latin1').trim(), path)
    const Numbers = types[type]
    const needed = count * width * Numbers.BYTES_PER_ELEMENT
    const held = size - start - length
    expected(
      needed === held,
      `${path} must contain ${count} x ${width} numbers, ${needed} bytes; it is too ${held < needed ? 'short' : 'long'}, with ${held} bytes`,
    )
    const values = new Numbers(count * width)
    await readFully(
      file,
      new Uint8Array(values.buffer),
      start + length,
      `${path} was truncated while it was read`,
    )
    return { values: values instanceof Float32Array ? values : Float32Array.from(values), count, width }
  } finally {
    await file.close()
  }
}

/** Parses the Python dictionary that `numpy.save` writes: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. */
function describedArray(text: string, path: string): Description {
  const advice = `got ${text.slice(0, 200)}; save it with numpy.save(path, numpy.ascontiguousarray(features, dtype="float32"))`
  const wanted = `${path} must be an array [count, width] of float32 or float64 in C order`
  const type = /'descr':\s*'([^']+)'/.exec(text)?.[1] ?? 'none'
  expected(Object.hasOwn(types, type), `${wanted}; its type is ${type}; ${advice}`)
  expected(/'fortran_order':\s*False/.test(text), `${wanted}; it is in Fortran order; ${advice}`)
  const [, rows, columns] = /'shape':\s*\(\s*(\d+)\s*,\s*(\d+)\s*,?\s*\)/.exec(text) ?? []
  expected(rows && columns, `${wanted}; it has a different shape; ${advice}`)
  const [count, width] = [Number(rows), Number(columns)]
  expected(count > 0 && width > 0, `${path} contains no features: its shape is [${count},${width}]`)
  return { type: type as keyof typeof types, count, width }
}
