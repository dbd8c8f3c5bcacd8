import { expected, SelfsupError } from '@selfsup/core'
import { damagedFile } from '@selfsup/run-folder'
import { numberTypes } from './numbers.js'
import type { PickleValue } from './pickle.js'
import { isKind, type TorchStorage, type TorchTensor } from './torch-meaning.js'
import { type StoredTensor, sizeOf } from './weight-file.js'

/** Dictionaries nested more deeply than this are not searched. */
const MOST_LEVELS = 8
/** Largest number of tensors; networks have a few thousand. */
const MOST_TENSORS = 200_000
/** Longest name of a tensor. */
const MOST_NAME = 1000

/** Reads part of the file's data: `length` bytes of a storage, from a byte on. */
export type ReadStorage = (storage: TorchStorage, from: number, length: number) => Promise<Uint8Array>

/**
 * All tensors of a file, by their names; nested dictionaries are joined with dots. Anything else is ignored.
 * @throws SelfsupError if there are no tensors, more than 200,000, or one whose name has more than 1,000 characters
 */
export function tensorsIn(
  path: string,
  value: PickleValue,
  readStorage: ReadStorage,
): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>()
  const seen = new Set<PickleValue>()
  const visit = (value: PickleValue, keys: readonly string[]) => {
    if (isKind<TorchTensor>(value, 'tensor')) tensors.set(nameOf(path, keys), stored(value, readStorage))
    expected(
      tensors.size <= MOST_TENSORS,
      `${path} contains more than ${MOST_TENSORS} tensors`,
      damagedFile(path),
    )
    if (!(value instanceof Map) || seen.has(value) || keys.length >= MOST_LEVELS) return
    seen.add(value)
    for (const [key, item] of value)
      if (typeof key === 'string' || typeof key === 'number') visit(item, [...keys, String(key)])
  }
  visit(value, [])
  expected(tensors.size > 0, `${path} contains no tensors`, damagedFile(path))
  return tensors
}

function nameOf(path: string, keys: readonly string[]): string {
  expected(
    keys.reduce((sum, { length }) => sum + length + 1, 0) <= MOST_NAME,
    `${path}: a tensor has a name of more than ${MOST_NAME} characters`,
    damagedFile(path),
  )
  return keys.join('.')
}

function stored({ storage, offset, shape, strides }: TorchTensor, readStorage: ReadStorage): StoredTensor {
  const { bytes, toFloat32 } = numberTypes[storage.dtype]
  return {
    shape,
    dtype: storage.dtype,
    async read() {
      const count = sizeOf(shape)
      if (count === 0) return new Float32Array(0)
      const span = shape.reduce((last, side, axis) => last + (side - 1) * strides[axis]!, 0) + 1
      const values = toFloat32(await readStorage(storage, offset * bytes, span * bytes))
      return isContiguous(shape, strides) ? values : gather(values, shape, strides)
    },
  }
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expectedStride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expectedStride) return false
    expectedStride *= shape[axis]!
  }
  return true
}

/** Copies the values of a transposed or sliced tensor in row order. */
function gather(values: Float32Array, shape: readonly number[], strides: readonly number[]): Float32Array {
  const result = new Float32Array(sizeOf(shape))
  const position = shape.map(() => 0)
  let at = 0
  for (let i = 0; i < result.length; i++) {
    result[i] = values[at]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis]!++
      at += strides[axis]!
      if (position[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      position[axis] = 0
    }
  }
  return result
}

/** Runs `read`; what a pickle contains that it should not is reported with the file's name and what to do. */
export function namingFile<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof SelfsupError)) throw error
    throw new SelfsupError(`${path} cannot be read as PyTorch weights: ${error.problem}`, {
      ...damagedFile(path),
      fix: 'save the weights alone in Python: torch.save(model.state_dict(), path), or use safetensors',
      cause: error,
    })
  }
}
