import type { FileHandle } from 'node:fs/promises'
import { expected, SelfsupError } from '@selfsup/core'
import { damagedFile, openFile, readFully } from '@selfsup/run-folder'
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'
import { numberTypes } from './numbers.js'
import { readPickle } from './pickle.js'
import { torchMeaning } from './torch-meaning.js'
import { namingFile, type ReadStorage, tensorsIn } from './torch-tensors.js'
import type { WeightFile } from './weight-file.js'

/** Largest description of tensors in bytes; that of a network with 10,000 tensors has about 2 MB. */
const MOST_PICKLE = 2 ** 26
/** Most entries of a file: one for each tensor. */
const MOST_ENTRIES = 200_000

/**
 * Opens a file that PyTorch 1.6 or later wrote (`torch.save`): a zip with a pickle that describes the tensors, and one
 * uncompressed entry for each storage. Runs no code.
 * @throws SelfsupError if the file is damaged or contains anything but tensors and containers
 */
export async function openTorchZip(path: string): Promise<WeightFile> {
  const file = await openFile(path)
  try {
    const { size: fileSize } = await file.stat()
    const entries = await entriesOf(path, file, fileSize)
    const data = async (name: string, most: number) => {
      const entry = entries.get(name)
      expected(entry, `${path} is not a file of PyTorch weights: it has no ${name}`, damagedFile(path))
      expected(
        entry.compressionMethod === 0 && entry.uncompressedSize <= most,
        `${path}: ${name} is compressed or too large; torch.save stores it uncompressed`,
        damagedFile(path),
      )
      const [at, size] = [await startOf(path, file, entry), entry.uncompressedSize]
      expected(
        at + size <= fileSize,
        `${path} is truncated: ${name} ends outside the file`,
        damagedFile(path),
      )
      return { size, at }
    }
    const read = async (at: number, length: number, what: string) => {
      const bytes = new Uint8Array(length)
      await readFully(file, bytes, at, `${path} is truncated: it ends within ${what}`)
      return bytes
    }
    if (entries.has('byteorder')) {
      const { at, size } = await data('byteorder', 16)
      const order = Buffer.from(await read(at, size, 'byteorder')).toString()
      expected(order === 'little', `${path} has byte order '${order}'; only little is supported`, {
        code: 'unsupported',
        path,
      })
    }
    const pickle = await data('data.pkl', MOST_PICKLE)
    const description = await read(pickle.at, pickle.size, 'data.pkl')
    const { value } = namingFile(path, () => readPickle(description, 0, torchMeaning))
    const readStorage: ReadStorage = async ({ key, dtype, count }, from, length) => {
      const name = `data/${key}`
      const { at, size } = await data(name, Number.POSITIVE_INFINITY)
      expected(
        size === count * numberTypes[dtype].bytes,
        `${path}: ${name} has ${size} bytes, but ${count} values of type ${dtype} need ${count * numberTypes[dtype].bytes}`,
        damagedFile(path),
      )
      return read(at + from, length, name)
    }
    const tensors = tensorsIn(path, value, readStorage)
    return { path, format: 'pytorch', tensors, close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The entries of the zip, by their path below its only folder. */
async function entriesOf(path: string, file: FileHandle, size: number): Promise<Map<string, Entry>> {
  try {
    const reader = new BoundedReader(file, size)
    const zip = await fromRandomAccessReaderPromise(reader, size, { autoClose: false, lazyEntries: true })
    expected(zip.entryCount <= MOST_ENTRIES, `it has ${zip.entryCount} entries`)
    return await allEntries(zip)
  } catch (error) {
    throw new SelfsupError(`${path} is truncated or is not a zip of PyTorch: ${(error as Error).message}`, {
      ...damagedFile(path),
      cause: error,
    })
  }
}

/** Reads a zip for yauzl. Node throws for positions beyond 2 ** 53, which a damaged file can name; here they are errors. */
class BoundedReader extends RandomAccessReader {
  readonly #file: FileHandle
  readonly #size: number

  constructor(file: FileHandle, size: number) {
    super()
    this.#file = file
    this.#size = size
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    if (!(position >= 0 && position + length <= this.#size)) {
      callback(new Error('it names a position outside the file'))
      return
    }
    const target = buffer.subarray(offset, offset + length)
    readFully(this.#file, target, position, 'it is truncated').then(() => callback(null), callback)
  }
}

/** yauzl can report several errors for a damaged file; its `eachEntry` ends the process at the second one. */
function allEntries(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>()
  return new Promise((resolve, reject) => {
    zip.on('error', reject)
    zip.on('end', () => resolve(entries))
    zip.on('entry', (entry: Entry) => {
      entries.set(entry.fileName.replace(/^[^/]*\//, ''), entry)
      zip.readEntry()
    })
    zip.readEntry()
  })
}

/** Where the data of an entry starts: after its local header, whose length is only there. */
async function startOf(path: string, file: FileHandle, entry: Entry): Promise<number> {
  const header = Buffer.alloc(30)
  const at = entry.relativeOffsetOfLocalHeader
  expected(Number.isSafeInteger(at), `${path}: ${entry.fileName} is outside the file`, damagedFile(path))
  await readFully(file, header, at, `${path} is truncated: it ends within ${entry.fileName}`)
  expected(
    header.readUInt32LE(0) === 0x04034b50,
    `${path}: ${entry.fileName} has no header`,
    damagedFile(path),
  )
  return at + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
}
