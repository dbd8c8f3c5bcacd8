import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { SelfsupError } from '@selfsup/core'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import type { FileRecord } from './library-record.js'
import type { Wheel } from './platform.js'
import type { OnProgress } from './progress.js'

/** Headers of the C API, and the few files outside its folder that they include: 1 MB of 200 MB in the wheel. */
const headers = [
  /^tensorflow\/include\/tensorflow\/c\/.*\.h$/,
  /^tensorflow\/include\/tensorflow\/core\/platform\/ctstring(_internal)?\.h$/,
  /^tensorflow\/include\/tsl\/platform\/ctstring(_internal)?\.h$/,
  /^tensorflow\/include\/xla\/tsl\/c\/.*\.h$/,
  /^tensorflow\/include\/LICENSE$/,
]

/** Which files of a wheel to unpack. */
export interface Contents {
  /** whether to unpack a file, by its path in the wheel */
  wanted(name: string): boolean
  /** files that the wheel must contain */
  readonly required: readonly string[]
  /** path prefix to remove */
  readonly without?: string
}

/** Unpacks libraries into the folder itself and headers into `include`; for the CUDA wheel, both into `tensorflow`. */
export function tensorflowContents({ libraries, cuda }: Wheel): Contents {
  const required = libraries.map((name) => `tensorflow/${name}`)
  const wanted = (name: string) => required.includes(name) || headers.some((header) => header.test(name))
  return { wanted, required, without: cuda ? undefined : 'tensorflow/' }
}

/**
 * Unpacks files of a wheel and checks each against the SHA-256 in the wheel's RECORD.
 * @returns sizes in bytes and hashes of all files except headers, by path in `folder`
 * @throws SelfsupError if a file is missing or differs
 */
export async function unpackWheel(
  path: string,
  { wanted, required, without = '' }: Contents,
  folder: string,
  onProgress?: OnProgress,
): Promise<Record<string, FileRecord>> {
  const zip = await openWheel(path)
  try {
    const entries: Entry[] = []
    let record: string | undefined
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName
      if (name.endsWith('.dist-info/RECORD')) record = await text(await zip.openReadStreamPromise(entry))
      if (wanted(name)) entries.push(entry)
    }
    const missing = required.find((name) => !entries.some((entry) => entry.fileName === name))
    if (record === undefined || missing) throw damaged(path, `it has no ${missing ?? 'RECORD'}`)
    const hashes = parseRecord(record)
    const files: Record<string, FileRecord> = {}
    let bytes = 0
    for (const entry of entries) {
      const { fileName: name, uncompressedSize } = entry
      const inside = name.startsWith(without) ? name.slice(without.length) : name
      onProgress?.({ stage: 'unpack', message: `unpacking ${basename(inside)}`, bytes })
      const sha256 = await extract(zip, entry, join(folder, inside), hashes.get(name), path)
      bytes += uncompressedSize
      if (!/(^|\/)include\//.test(inside)) files[inside] = { size: uncompressedSize, sha256 }
    }
    return files
  } catch (error) {
    throw asDamaged(path, error)
  } finally {
    zip.close()
  }
}

/** Reads the wheel's METADATA, which lists its requirements. */
export async function readMetadata(path: string): Promise<string> {
  const zip = await openWheel(path)
  try {
    for await (const entry of zip.eachEntry())
      if (entry.fileName.endsWith('.dist-info/METADATA')) return text(await zip.openReadStreamPromise(entry))
    throw damaged(path, 'it has no METADATA')
  } catch (error) {
    throw asDamaged(path, error)
  } finally {
    zip.close()
  }
}

function openWheel(path: string): Promise<ZipFile> {
  return openPromise(path, { autoClose: false }).catch((error: Error) => {
    throw damaged(path, error.message)
  })
}

async function extract(
  zip: ZipFile,
  entry: Entry,
  target: string,
  expected: string | undefined,
  path: string,
): Promise<string> {
  await mkdir(dirname(target), { recursive: true })
  const hash = createHash('sha256')
  await pipeline(
    await zip.openReadStreamPromise(entry),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    // Keep executables executable: the upper half of the attributes is the file's mode.
    createWriteStream(target, { mode: (entry.externalFileAttributes >>> 16) & 0o111 ? 0o755 : 0o644 }),
  )
  const digest = hash.digest()
  if (digest.toString('base64url') !== expected)
    throw damaged(path, `${entry.fileName} differs from its RECORD`)
  return digest.toString('hex')
}

/** SHA-256 in base64url by path; lines are `path,sha256=...,size`. */
function parseRecord(record: string): Map<string, string> {
  const hashes = new Map<string, string>()
  for (const line of record.split('\n')) {
    const match = /^"?(.+?)"?,sha256=([\w-]+),/.exec(line)
    if (match?.[1] && match[2]) hashes.set(match[1], match[2])
  }
  return hashes
}

/** What reading an archive throws, in one line; trouble with the disk as it is. */
function asDamaged(path: string, error: unknown): unknown {
  if (error instanceof SelfsupError || !(error instanceof Error)) return error
  const isOfDisk = 'syscall' in error
  return isOfDisk ? error : damaged(path, error.message)
}

function damaged(path: string, what: string): SelfsupError {
  return new SelfsupError(`the downloaded ${basename(path)} is damaged: ${what}`, {
    code: 'install-failed',
    fix: 'run: pip cache purge',
    path,
  })
}
