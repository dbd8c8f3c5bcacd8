import { expected } from '@selfsup/core'
import { damagedFile, parseHeader, type SafetensorsEntry } from './safetensors-header.js'
import type { RunStorage, StoredFile } from './storage.js'

const headerLimit = 100_000_000

/** A safetensors file whose header was read and checked. */
export interface OpenSafetensors {
  readonly file: StoredFile
  readonly metadata: Readonly<Record<string, string>>
  /** in the order of their bytes, which are contiguous */
  readonly entries: readonly (readonly [name: string, entry: SafetensorsEntry])[]
  /** the bytes before the tensors: the header's length and the header */
  readonly prefix: Uint8Array
  readonly header: Uint8Array
  /** where the tensors' bytes start and end */
  readonly start: number
  readonly end: number
}

/**
 * Opens a safetensors file (github.com/huggingface/safetensors, section "Format") and reads its header. The caller closes `file`.
 * @param sizes bytes per value of the types that the caller reads
 * @throws SelfsupError if the file is truncated, is not a safetensors file, or has a tensor of another type
 */
export async function openSafetensorsIn(
  storage: Pick<RunStorage, 'open'>,
  path: string,
  sizes: Readonly<Record<string, number>>,
): Promise<OpenSafetensors> {
  const file = await storage.open(path)
  try {
    const prefix = new Uint8Array(8)
    await file.read(prefix, 0, truncated(path))
    const length = Number(new DataView(prefix.buffer).getBigUint64(0, true))
    expected(
      length > 1 && length <= headerLimit && 8 + length <= file.size,
      truncated(path),
      damagedFile(path),
    )
    const header = new Uint8Array(length)
    await file.read(header, 8, truncated(path))
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(header)
    const { metadata, entries } = parseHeader(path, text, sizes)
    const start = 8 + length
    const end = start + (entries.at(-1)?.[1].data_offsets[1] ?? 0)
    expected(
      end === file.size,
      `${path} must be ${end} bytes long; it has ${file.size} bytes`,
      damagedFile(path),
    )
    return { file, metadata, entries, prefix, header, start, end }
  } catch (error) {
    await file.close()
    throw error
  }
}

const truncated = (path: string) => `${path} is truncated or is not a safetensors file`
