import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { SelfsupError } from '@selfsup/core'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { INSTALL_COMMAND, type Wheel } from './platform.js'
import type { OnProgress } from './progress.js'

/** The C API's headers and the few files outside its folder that they include; 1 MB of the wheel's 200. */
const headers = [
  /^tensorflow\/include\/tensorflow\/c\/.*\.h$/,
  /^tensorflow\/include\/tensorflow\/core\/platform\/ctstring(_internal)?\.h$/,
  /^tensorflow\/include\/tsl\/platform\/ctstring(_internal)?\.h$/,
  /^tensorflow\/include\/xla\/tsl\/c\/.*\.h$/,
  /^tensorflow\/include\/LICENSE$/,
]

/**
 * Unpacks the libraries and the C headers of a wheel: libraries into `folder` itself, headers below
 * `folder/include`. Each file is checked against the SHA-256 in the wheel's own RECORD.
 * @returns sizes of the libraries in bytes, by file name
 * @throws SelfsupError where a file is missing or differs
 */
export async function unpackWheel(
  path: string,
  wheel: Wheel,
  folder: string,
  onProgress?: OnProgress,
): Promise<Record<string, number>> {
  const zip = await openPromise(path, { autoClose: false }).catch((error: Error) => {
    throw damaged(path, error.message)
  })
  try {
    const libraries = wheel.libraries.map((name) => `tensorflow/${name}`)
    const wanted: Entry[] = []
    let record: string | undefined
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName
      if (name.endsWith('.dist-info/RECORD')) record = await text(await zip.openReadStreamPromise(entry))
      if (libraries.includes(name) || headers.some((header) => header.test(name))) wanted.push(entry)
    }
    const missing = libraries.find((name) => !wanted.some((entry) => entry.fileName === name))
    if (record === undefined || missing) throw damaged(path, `it has no ${missing ?? 'RECORD'}`)
    const hashes = parseRecord(record)
    const sizes: Record<string, number> = {}
    let bytes = 0
    for (const entry of wanted) {
      const inside = entry.fileName.replace(/^tensorflow\//, '')
      onProgress?.({ stage: 'unpack', message: `unpacking ${basename(inside)}`, bytes })
      await extract(zip, entry, join(folder, inside), hashes.get(entry.fileName), path)
      bytes += entry.uncompressedSize
      if (libraries.includes(entry.fileName)) sizes[inside] = entry.uncompressedSize
    }
    return sizes
  } finally {
    zip.close()
  }
}

async function extract(
  zip: ZipFile,
  entry: Entry,
  target: string,
  expected: string | undefined,
  path: string,
) {
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
    createWriteStream(target),
  )
  if (hash.digest('base64url') !== expected) throw damaged(path, `${entry.fileName} differs from its RECORD`)
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

function damaged(path: string, what: string): SelfsupError {
  return new SelfsupError(
    `the downloaded ${basename(path)} is damaged: ${what}; run: pip cache purge && ${INSTALL_COMMAND}`,
  )
}
