/** A float32 array in NumPy's format, version 1.0 (numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */
export function npy(values: Float32Array, shape: readonly number[]): Uint8Array {
  const described = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
  const length = 10 + described.length + 1
  const header = `${described}${' '.repeat((64 - (length % 64)) % 64)}\n`
  const bytes = new Uint8Array(10 + header.length + values.byteLength)
  bytes.set([0x93, ...encode('NUMPY'), 1, 0, header.length & 255, header.length >> 8])
  bytes.set(encode(header), 10)
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 10 + header.length)
  return bytes
}

const encode = (text: string) => new TextEncoder().encode(text)
