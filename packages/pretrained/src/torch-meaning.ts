import { SelfsupError } from '@selfsup/core'
import { type NumberTypeName, numberTypes } from './numbers.js'
import type { PickleFunction, PickleMeaning, PickleObject, PickleValue } from './pickle.js'
import { sizeOf } from './weight-file.js'

/** The memory of one or more tensors, by its key in the file. */
export interface TorchStorage extends PickleObject {
  readonly kind: 'storage'
  readonly key: string
  readonly dtype: NumberTypeName
  /** number of values */
  readonly count: number
}

/** A tensor as a view of a storage. */
export interface TorchTensor extends PickleObject {
  readonly kind: 'tensor'
  readonly storage: TorchStorage
  /** position of the first value in the storage */
  readonly offset: number
  readonly shape: readonly number[]
  /** distance in the storage between neighbours along each axis */
  readonly strides: readonly number[]
}

interface StorageType extends PickleObject {
  readonly kind: 'storage type'
  readonly dtype: NumberTypeName
}

const storages: Readonly<Record<string, NumberTypeName>> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
}

/** The only names that a file of weights may contain. */
const globals = new Map<string, PickleFunction | PickleObject>([
  ['collections.OrderedDict', orderedDictionary],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_parameter', (data) => tensorOf(data)],
  ['torch.Size', (sizes = []) => sizes],
  ['torch.device', () => null],
  ...Object.entries(storages).map(
    ([name, dtype]) => [`torch.${name}`, { kind: 'storage type', dtype } as StorageType] as const,
  ),
  ...Object.keys(numberTypes).map((name) => [`torch.${name}`, { kind: 'type' }] as const),
])

/** What names and references mean in PyTorch's files. */
export const torchMeaning: PickleMeaning = { globals, persistent: storageOf }

function refuse(problem: string): never {
  throw new SelfsupError(problem, { code: 'damaged-file' })
}

/** `('storage', type, key, location, count, view)`; location is the device it was saved from. */
function storageOf(id: PickleValue): TorchStorage {
  const [word, type, key, , count, view = null] = Array.isArray(id) ? id : []
  if (word !== 'storage' || !isKind<StorageType>(type, 'storage type') || typeof key !== 'string')
    return refuse('it refers to something that is not a storage of numbers')
  if (view !== null) return refuse('a storage is a part of another one, as PyTorch before 0.4 wrote them')
  return { kind: 'storage', key, dtype: type.dtype, count: wholeNumber(count, 'the size of a storage') }
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)` */
function rebuildTensor(
  storage: PickleValue = null,
  offset: PickleValue = null,
  size: PickleValue = null,
  stride: PickleValue = null,
): TorchTensor {
  if (!isKind<TorchStorage>(storage, 'storage')) return refuse('a tensor has no storage')
  const [first, shape, strides] = [
    wholeNumber(offset, 'the offset of a tensor'),
    wholeNumbers(size, 'the shape of a tensor'),
    wholeNumbers(stride, 'the strides of a tensor'),
  ]
  const last = shape.reduce((at, side, axis) => at + (side - 1) * strides[axis]!, first)
  const inside = sizeOf(shape) === 0 || (last < storage.count && sizeOf(shape) <= storage.count)
  if (shape.length !== strides.length || !inside)
    return refuse(`a tensor of shape [${shape}] does not fit into its storage of ${storage.count} values`)
  return { kind: 'tensor', storage, offset: first, shape, strides }
}

function tensorOf(value: PickleValue = null): TorchTensor {
  return isKind<TorchTensor>(value, 'tensor') ? value : refuse('a parameter has no tensor')
}

function orderedDictionary(pairs: PickleValue = []): Map<PickleValue, PickleValue> {
  if (!Array.isArray(pairs)) return refuse('an ordered dictionary has no list of items')
  return new Map(
    pairs.map((pair) =>
      Array.isArray(pair) && pair.length === 2
        ? ([pair[0]!, pair[1]!] as const)
        : refuse('an item of an ordered dictionary is not a pair'),
    ),
  )
}

/** Whether a value is an object of ours of this kind. */
export function isKind<T extends PickleObject>(value: PickleValue | undefined, kind: T['kind']): value is T {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}

function wholeNumber(value: PickleValue | undefined, what: string): number {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : refuse(`${what} must be a whole number of at least 0`)
}

function wholeNumbers(value: PickleValue, what: string): number[] {
  return Array.isArray(value)
    ? value.map((item) => wholeNumber(item, what))
    : refuse(`${what} must be a tuple`)
}
