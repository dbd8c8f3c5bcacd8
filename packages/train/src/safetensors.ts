import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { expected } from '@selfsup/core'
import { writeAtomically } from '@selfsup/run-folder'

/** A tensor's values on the host. */
export interface HostTensor {
  readonly dtype: 'float32' | 'int32' | 'bool'
  readonly shape: readonly number[]
  readonly values: Float32Array | Int32Array | Uint8Array
}

export interface Safetensors {
  readonly tensors: Readonly<Record<string, HostTensor>>
  readonly metadata: Readonly<Record<string, string>>
}

const codes = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const
const dtypes: Record<string, HostTensor['dtype']> = { F32: 'float32', I32: 'int32', BOOL: 'bool' }
const sizes = { float32: 4, int32: 4, bool: 1 } as const
const headerLimit = 100_000_000

/**
 * Writes tensors as a safetensors file (github.com/huggingface/safetensors, format section), atomically;
 * Python's `safetensors.safe_open` reads it. The metadata gets an entry `sha256` of the tensors' bytes.
 * @throws what the file system threw; a file that stood there before is untouched then
 */
export async function writeSafetensors(path: string, { tensors, metadata }: Safetensors): Promise<void> {
  const entries = Object.entries(tensors)
  const hash = createHash('sha256')
  for (const [, tensor] of entries) hash.update(bytes(tensor.values))

  const header: Record<string, unknown> = { __metadata__: { ...metadata, sha256: hash.digest('hex') } }
  let offset = 0
  for (const [name, { dtype, shape, values }] of entries) {
    header[name] = { dtype: codes[dtype], shape, data_offsets: [offset, offset + values.byteLength] }
    offset += values.byteLength
  }
  const text = Buffer.from(JSON.stringify(header))
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))

  await writeAtomically(path, async (file) => {
    await writeAll(length)
    await writeAll(padded)
    for (const [, { values }] of entries) await writeAll(bytes(values))

    async function writeAll(data: Uint8Array): Promise<void> {
      let done = 0
      while (done < data.length) {
        const { bytesWritten } = await file.write(data, done, Math.min(data.length - done, 1 << 26))
        done += bytesWritten
      }
    }
  })
}

/**
 * Only the metadata of a safetensors file, without reading its tensors.
 * @throws SelfsupError when the file is no safetensors file or shorter than it says
 */
export async function readMetadata(path: string): Promise<Record<string, string>> {
  return (await readHeader(path)).metadata
}

/**
 * Reads a whole safetensors file with tensors of float32, int32 and bool.
 * @throws SelfsupError when it is damaged: truncated, no such format, or its bytes don't match its sha256
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const { metadata, entries, start } = await readHeader(path)
  const file = await open(path, 'r')
  try {
    const tensors: Record<string, HostTensor> = {}
    const hash = createHash('sha256')
    for (const [name, { dtype, shape, data_offsets }] of entries) {
      const [from, to] = data_offsets
      const data = new Uint8Array(to - from)
      await readFully(file, data, start + from, path)
      hash.update(data)
      tensors[name] = { dtype, shape, values: typed(dtype, data) }
    }
    const { sha256, ...rest } = metadata
    expected(
      sha256 === undefined || sha256 === hash.digest('hex'),
      `${path} is damaged: its bytes don't match its checksum`,
    )
    return { tensors, metadata: rest }
  } finally {
    await file.close()
  }
}

/** One read may give fewer bytes than were asked for: the rest is asked for again. */
async function readFully(file: FileHandle, target: Uint8Array, position: number, path: string) {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(target.length - done, 1 << 26)
    const { bytesRead } = await file.read(target, done, length, position + done)
    expected(bytesRead > 0, `${path} is cut short`)
    done += bytesRead
  }
}

interface Entry {
  readonly dtype: HostTensor['dtype']
  readonly shape: number[]
  readonly data_offsets: [number, number]
}

async function readHeader(path: string) {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const prefix = Buffer.alloc(8)
    if (size >= 8) await readFully(file, prefix, 0, path)
    const length = Number(prefix.readBigUInt64LE())
    expected(
      size > 8 && length > 1 && length <= headerLimit && 8 + length <= size,
      `${path} is cut short or no safetensors file`,
    )
    const text = Buffer.alloc(length)
    await readFully(file, text, 8, path)
    const { metadata, entries } = parseHeader(path, text.toString())
    const end = entries.reduce((most, [, { data_offsets }]) => Math.max(most, data_offsets[1]), 0)
    expected(8 + length + end === size, `${path} should be ${8 + length + end} bytes long but is ${size}`)
    return { metadata, entries, start: 8 + length }
  } finally {
    await file.close()
  }
}

function parseHeader(path: string, text: string) {
  let header: Record<string, unknown>
  try {
    header = JSON.parse(text)
  } catch {
    header = {}
  }
  const { __metadata__: metadata = {}, ...rest } = header
  const entries = Object.entries(rest).map(([name, value]): [string, Entry] => {
    const { dtype: code, shape, data_offsets } = value as { dtype: string } & Omit<Entry, 'dtype'>
    const dtype = dtypes[code]
    expected(dtype, `${path}: tensor '${name}' has dtype ${code}; only F32, I32 and BOOL are read`)
    const length = data_offsets[1] - data_offsets[0]
    const size = shape.reduce((product, side) => product * side, sizes[dtype])
    expected(length === size, `${path}: tensor '${name}' has ${length} bytes where its shape needs ${size}`)
    return [name, { dtype, shape, data_offsets }]
  })
  expected(entries.length > 0, `${path} holds no tensors: its header is damaged`)
  return {
    metadata: metadata as Record<string, string>,
    entries: entries.sort((a, b) => a[1].data_offsets[0] - b[1].data_offsets[0]),
  }
}

function bytes(values: HostTensor['values']): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function typed(dtype: HostTensor['dtype'], data: Uint8Array): HostTensor['values'] {
  if (dtype === 'float32') return new Float32Array(data.buffer)
  return dtype === 'int32' ? new Int32Array(data.buffer) : data
}
