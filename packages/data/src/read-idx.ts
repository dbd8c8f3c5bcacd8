import type { FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { SelfsupError } from '@selfsup/core'
import { openFile } from '@selfsup/run-folder'

/** Maximum number of values; larger arrays are not possible on all platforms. */
const MOST_VALUES = 2 ** 32

/** Content of an IDX file. */
export interface Idx {
  readonly dimensions: readonly number[]
  readonly values: Uint8Array
}

/**
 * Reads a file in IDX format, gzipped if its name ends in .gz: two zero bytes, type 8 (unsigned byte), the number of
 * dimensions, each dimension as a big-endian word, the data. Reads and unpacks no more data than the dimensions require.
 * @param rank number of dimensions: 3 for images, 1 for labels
 * @throws SelfsupError if the file is not such a file, is empty, or its length does not match its dimensions
 */
export async function readIdx(path: string, rank: 1 | 3): Promise<Idx> {
  const file = await openFile(path)
  try {
    const reader = idxReader(path, rank)
    const { size } = await file.stat()
    if (!path.endsWith('.gz')) {
      reader.expectLength(size)
      for await (const chunk of chunksOf(file)) reader.take(chunk)
    } else await unpack(file, path, reader)
    return reader.end()
  } finally {
    await file.close()
  }
}

async function unpack(file: FileHandle, path: string, reader: IdxReader): Promise<void> {
  try {
    await pipeline(
      chunksOf(file),
      createGunzip({ chunkSize: 2 ** 18 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) reader.take(chunk)
      },
    )
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    throw new SelfsupError(`${path}: damaged gzip file`)
  }
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(2 ** 20), 0, 2 ** 20, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

type IdxReader = ReturnType<typeof idxReader>

function idxReader(path: string, rank: 1 | 3) {
  const headerLength = 4 + 4 * rank
  const header = Buffer.alloc(headerLength)
  let taken = 0
  let idx: { dimensions: number[]; values: Uint8Array } | undefined
  let wholeLength: number | undefined

  const start = () => {
    if (header.readUInt32BE(0) !== 0x0800 + rank)
      throw new SelfsupError(`${path} is not an IDX file of ${rank === 3 ? 'images' : 'labels'}`)
    const dimensions = Array.from({ length: rank }, (_, i) => header.readUInt32BE(4 + 4 * i))
    const length = dimensions.reduce((product, n) => product * n, 1)
    if (length === 0) throw new SelfsupError(`${path}: empty; its dimensions are ${dimensions.join(' x ')}`)
    if (length > MOST_VALUES)
      throw new SelfsupError(
        `${path}: ${dimensions.join(' x ')} values; at most ${MOST_VALUES} are supported`,
      )
    if (wholeLength !== undefined && wholeLength !== headerLength + length)
      throw wrongLength(wholeLength - headerLength, length)
    idx = { dimensions, values: new Uint8Array(length) }
  }
  const wrongLength = (held: number, length: number) =>
    new SelfsupError(
      held < length
        ? `${path}: truncated; ${held} of ${length} bytes`
        : `${path}: longer than the ${length} bytes of its dimensions`,
    )

  return {
    /** Sets the length of the file, if it is known in advance. */
    expectLength(length: number): void {
      wholeLength = length
    },
    take(chunk: Buffer): void {
      let rest = chunk
      if (taken < headerLength) {
        const part = rest.subarray(0, headerLength - taken)
        part.copy(header, taken)
        taken += part.length
        rest = rest.subarray(part.length)
        if (taken < headerLength) return
        start()
      }
      const at = taken - headerLength
      if (at + rest.length > idx!.values.length) throw wrongLength(at + rest.length, idx!.values.length)
      idx!.values.set(rest, at)
      taken += rest.length
    },
    end(): Idx {
      if (!idx) throw new SelfsupError(`${path} is not an IDX file of ${rank === 3 ? 'images' : 'labels'}`)
      if (taken - headerLength < idx.values.length) throw wrongLength(taken - headerLength, idx.values.length)
      return idx
    },
  }
}
