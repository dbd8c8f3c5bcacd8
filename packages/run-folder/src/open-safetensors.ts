import type { FileHandle } from 'node:fs/promises'
import { expected } from '@selfsup/core'
import { openFile } from './open-file.js'
import { readFully } from './read-fully.js'
import { damagedFile, parseHeader, type SafetensorsEntry } from './safetensors-header.js'

const headerLimit = 100_000_000

/** A safetensors file whose header was read and checked. */
export interface OpenSafetensors {
  readonly file: FileHandle
  readonly metadata: Readonly<Record<string, string>>
  /** in the order of their bytes, which are contiguous */
  readonly entries: readonly (readonly [name: string, entry: SafetensorsEntry])[]
  /** the bytes before the tensors: the header's length and the header */
  readonly prefix: Buffer
  readonly header: Buffer
  /** where the tensors' bytes start and end */
  readonly start: number
  readonly end: number
}

/**
 * Opens a safetensors file (github.com/huggingface/safetensors, section "Format") and reads its header. The caller closes `file`.
 * @param sizes bytes per value of the types that the caller reads
 * @throws SelfsupError if the file is truncated, is not a safetensors file, or has a tensor of another type
 */
export async function openSafetensors(
  path: string,
  sizes: Readonly<Record<string, number>>,
): Promise<OpenSafetensors> {
  const file = await openFile(path)
  try {
    const { size } = await file.stat()
    const prefix = Buffer.alloc(8)
    await readFully(file, prefix, 0, truncated(path))
    const length = Number(prefix.readBigUInt64LE())
    expected(length > 1 && length <= headerLimit && 8 + length <= size, truncated(path), damagedFile(path))
    const header = Buffer.alloc(length)
    await readFully(file, header, 8, truncated(path))
    const { metadata, entries } = parseHeader(path, header.toString(), sizes)
    const start = 8 + length
    const end = start + (entries.at(-1)?.[1].data_offsets[1] ?? 0)
    expected(end === size, `${path} must be ${end} bytes long; it has ${size} bytes`, damagedFile(path))
    return { file, metadata, entries, prefix, header, start, end }
  } catch (error) {
    await file.close()
    throw error
  }
}

const truncated = (path: string) => `${path} is truncated or is not a safetensors file`
