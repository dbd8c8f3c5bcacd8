import { expected } from '@selfsup/core'
import { damagedFile, openFile, readFully } from '@selfsup/run-folder'
import { numberTypes } from './numbers.js'
import { type PickleMeaning, type PickleValue, readPickle } from './pickle.js'
import { isKind, type TorchStorage, torchMeaning } from './torch-meaning.js'
import { namingFile, type ReadStorage, tensorsIn } from './torch-tensors.js'
import type { WeightFile } from './weight-file.js'

/** First bytes of a file before PyTorch 1.6: a pickle of the number 0x1950a86a20f9469cfc6c. */
export const LEGACY_START = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')

/** Largest description of tensors in bytes. */
const MOST_PICKLE = 2 ** 26

/**
 * Opens a file that PyTorch before 1.6 wrote: pickles of a magic number, a version, the machine, the tensors and the keys of
 * the storages, then the storages, each after its number of values.
 * @throws SelfsupError if the file is damaged or contains anything but tensors and containers
 */
export async function openTorchLegacy(path: string): Promise<WeightFile> {
  const file = await openFile(path)
  try {
    const { size } = await file.stat()
    const start = new Uint8Array(Math.min(size, MOST_PICKLE))
    await readFully(file, start, 0, `${path} is truncated`)
    const storages = new Map<string, TorchStorage>()
    const meaning: PickleMeaning = {
      ...torchMeaning,
      persistent(id) {
        const storage = torchMeaning.persistent(id)
        if (!isKind<TorchStorage>(storage, 'storage')) return storage
        const { key, dtype, count } = storages.get(storage.key) ?? storage
        expected(
          dtype === storage.dtype && count === storage.count,
          `storage ${key} has ${count} values of type ${dtype} in one place and ${storage.count} of type ${storage.dtype} in another`,
        )
        storages.set(key, storage)
        return storage
      },
    }
    const { value, keys, end } = namingFile(path, () => {
      let position = LEGACY_START.length
      const next = (): PickleValue => {
        const { value, end } = readPickle(start, position, meaning)
        position = end
        return value
      }
      const [version, machine] = [next(), next()]
      expected(version === 1001, 'its version is not 1001')
      expected(
        machine instanceof Map && machine.get('little_endian') === true,
        'it was not written on a little-endian machine',
      )
      return { value: next(), keys: next(), end: position }
    })
    const places = new Map<string, number>()
    let at = end
    for (const key of Array.isArray(keys) ? keys : []) {
      const storage = typeof key === 'string' ? storages.get(key) : undefined
      expected(storage, `${path}: it contains a storage that belongs to no tensor`, damagedFile(path))
      const length = Buffer.alloc(8)
      await readFully(file, length, at, `${path} is truncated`)
      const count = Number(length.readBigInt64LE())
      expected(
        count === storage.count,
        `${path}: storage ${storage.key} has ${count} values; its tensors need ${storage.count}`,
        damagedFile(path),
      )
      places.set(storage.key, at + 8)
      at += 8 + count * numberTypes[storage.dtype].bytes
      expected(
        at <= size,
        `${path} is truncated: it needs at least ${at} bytes and has ${size}`,
        damagedFile(path),
      )
    }
    const readStorage: ReadStorage = async ({ key }, from, length) => {
      const place = places.get(key)
      expected(place !== undefined, `${path}: storage ${key} is missing`, damagedFile(path))
      const bytes = new Uint8Array(length)
      await readFully(file, bytes, place + from, `${path} is truncated`)
      return bytes
    }
    const tensors = tensorsIn(path, value, readStorage)
    return { path, format: 'pytorch', tensors, close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}
