import { expected } from '@selfsup/core'
import {
  damagedFile,
  type OpenSafetensors,
  openStoredSafetensors,
  runStorage,
  sha256 as startSha256,
} from '@selfsup/run-folder'
import { joined } from './bytes.js'
import type { HostTensor } from './host-tensor.js'

export interface Safetensors {
  readonly tensors: Readonly<Record<string, HostTensor>>
  readonly metadata: Readonly<Record<string, string>>
}

const codes = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const
const types: Readonly<Record<string, HostTensor['dtype']>> = { F32: 'float32', I32: 'int32', BOOL: 'bool' }
/** Bytes per value of the types that checkpoints contain. */
const sizes = { F32: 4, I32: 4, BOOL: 1 }

/** Placeholder for the header's hash while the hash is computed. */
const NO_HASH = '0'.repeat(64)

/**
 * Writes tensors atomically as a safetensors file (github.com/huggingface/safetensors, section "Format");
 * Python's `safetensors.safe_open` reads it. Adds two entries to the metadata, which together cover the whole file: `sha256` of
 * the tensors' bytes, and `headerSha256` of everything before them (the length and the header, with zeros for this hash).
 * @throws errors of the file system; an existing file is unchanged then
 */
export async function writeSafetensors(path: string, { tensors, metadata }: Safetensors): Promise<void> {
  const entries = Object.entries(tensors)
  const hash = startSha256()
  for (const [, tensor] of entries) hash.update(bytes(tensor.values))

  const header: Record<string, unknown> = {
    __metadata__: { ...metadata, sha256: hash.hex(), headerSha256: NO_HASH },
  }
  let offset = 0
  for (const [name, { dtype, shape, values }] of entries) {
    header[name] = { dtype: codes[dtype], shape, data_offsets: [offset, offset + values.byteLength] }
    offset += values.byteLength
  }
  const text = encode(JSON.stringify(header))
  const padded = joined([text, new Uint8Array((8 - (text.length % 8)) % 8).fill(32)])
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true)
  setHash(padded, NO_HASH, headerHash(length, padded))

  await runStorage.write(path, [length, padded, ...entries.map(([, { values }]) => bytes(values))])
}

const encode = (text: string) => new TextEncoder().encode(text)

function headerHash(length: Uint8Array, header: Uint8Array): string {
  return startSha256().update(length).update(header).hex()
}

/** Replaces the first `headerSha256` with a value by another value of the same length, if there is one. */
function setHash(header: Uint8Array, from: string, to: string): void {
  const wanted = encode(`"headerSha256":"${from}"`)
  let at = header.indexOf(wanted[0]!)
  while (at >= 0 && !wanted.every((byte, i) => header[at + i] === byte))
    at = header.indexOf(wanted[0]!, at + 1)
  if (at >= 0) header.set(encode(to).subarray(0, header.length - at - 16), at + 16)
}

/**
 * Reads the metadata of a safetensors file without its tensors.
 * @throws SelfsupError if the file is not a safetensors file, is truncated, or its header doesn't match its hash
 */
export async function readMetadata(path: string): Promise<Record<string, string>> {
  return withHeader(path, async ({ metadata }) => metadata)
}

/**
 * Reads a whole safetensors file with float32, int32 and bool tensors. Hashes are verified if present; files of other programs
 * have none.
 * @throws SelfsupError if the file is truncated, is not a safetensors file, or its bytes don't match a hash
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return withHeader(path, async ({ file, metadata, entries, start }) => {
    const tensors: [string, HostTensor][] = []
    const hash = startSha256()
    for (const [name, { dtype: code, shape, data_offsets }] of entries) {
      const dtype = types[code]!
      const [from, to] = data_offsets
      const data = new Uint8Array(to - from)
      await file.read(data, start + from, truncated(path))
      hash.update(data)
      tensors.push([name, { dtype, shape, values: typed(dtype, data) }])
    }
    const { sha256, headerSha256: _, ...rest } = metadata
    if (sha256 !== undefined) expectHash(path, sha256, hash.hex())
    return { tensors: Object.fromEntries(tensors), metadata: rest }
  })
}

/**
 * Verifies the hashes of a file, which is read in parts.
 * @throws SelfsupError if the file has no hashes or doesn't match them
 */
export async function verifySafetensors(path: string): Promise<void> {
  await withHeader(path, async ({ file, metadata, start, end }) => {
    expected(metadata.sha256 && metadata.headerSha256, `${path} has no hashes`, damagedFile(path))
    const hash = startSha256()
    const part = new Uint8Array(1 << 22)
    for (let at = start; at < end; at += part.length) {
      const block = part.subarray(0, Math.min(part.length, end - at))
      await file.read(block, at, truncated(path))
      hash.update(block)
    }
    expectHash(path, metadata.sha256!, hash.hex())
  })
}

function expectHash(path: string, stored: string, computed: string): void {
  expected(stored === computed, `${path} is damaged: its bytes don't match its checksum`, damagedFile(path))
}

const truncated = (path: string) => `${path} is truncated or is not a safetensors file`

async function withHeader<T>(path: string, use: (file: OpenSafetensors) => Promise<T>): Promise<T> {
  const opened = await openStoredSafetensors(path, sizes)
  const { file, metadata, prefix, header } = opened
  try {
    if (metadata.headerSha256 !== undefined) {
      const text = header.slice()
      setHash(text, metadata.headerSha256, NO_HASH)
      expectHash(path, metadata.headerSha256, headerHash(prefix, text))
    }
    return await use(opened)
  } finally {
    await file.close()
  }
}

function bytes(values: HostTensor['values']): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

function typed(dtype: HostTensor['dtype'], data: Uint8Array): HostTensor['values'] {
  if (dtype === 'float32') return new Float32Array(data.buffer)
  return dtype === 'int32' ? new Int32Array(data.buffer) : data
}
