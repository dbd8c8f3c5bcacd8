import { SelfsupError } from '@selfsup/core'
import { Header } from 'tar/header'
import { Pax } from 'tar/pax'
import type { Bytes } from './byte-source.js'

/** Position and size of a file in a tar. */
export interface TarEntry {
  readonly name: string
  readonly start: number
  readonly size: number
}

const BLOCK = 512

/** Maximum size of long names and extended headers, which normally have a few hundred bytes. Protects the memory. */
const MOST_METADATA = 2 ** 20

/**
 * Lists the files in a tar by reading its headers; the contents are skipped. Headers are decoded by `tar` (node-tar): ustar, GNU
 * long names and base-256 sizes, pax names and sizes.
 * @param path path of the tar, for messages
 * @throws SelfsupError that names the byte at which the tar is damaged or truncated
 */
export async function* tarEntries(file: Bytes, path: string): AsyncGenerator<TarEntry> {
  const { size: length } = file
  const block = Buffer.alloc(BLOCK)
  let pax: Pax | undefined
  let globalPax: Pax | undefined
  let longName: string | undefined
  for (let at = 0; at < length; ) {
    if (at + BLOCK > length) throw truncated(path, at, 'the header is incomplete')
    await file.read(block, at)
    const header = decode(block, path, at, pax, globalPax)
    if (header.nullBlock) return
    const { size, type } = header
    if (size === undefined) throw damaged(path, at, 'the size is missing or negative')
    const start = at + BLOCK
    if (!Number.isSafeInteger(size) || start + size > length)
      throw truncated(path, at, `the file of ${size} bytes extends beyond the end`)
    if (isMetadata(type)) {
      if (size > MOST_METADATA)
        throw damaged(
          path,
          at,
          `names and attributes have ${size} bytes; at most ${MOST_METADATA} are supported`,
        )
      const text = (await tarBytes(file, { start, size })).toString('utf8')
      if (type === 'ExtendedHeader') pax = Pax.parse(text, pax)
      else if (type === 'GlobalExtendedHeader') globalPax = Pax.parse(text, globalPax, true)
      else longName = text.replace(/\0.*$/s, '')
    } else {
      const name = longName ?? header.path
      pax = undefined
      longName = undefined
      if (name && isFile(type)) yield { name, start, size }
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
}

/** Reads the bytes of one file of a tar. */
export async function tarBytes(
  file: Bytes,
  { start, size }: Pick<TarEntry, 'start' | 'size'>,
): Promise<Buffer> {
  const buffer = Buffer.alloc(size)
  await file.read(buffer, start)
  return buffer
}

function decode(block: Buffer, path: string, at: number, pax?: Pax, globalPax?: Pax): Header {
  let header: Header
  try {
    header = new Header(block, 0, pax, globalPax)
  } catch (error) {
    throw damaged(path, at, (error as Error).message) // base-256 numbers that are not valid or exceed 2^53
  }
  if (!header.cksumValid && !header.nullBlock) throw damaged(path, at)
  return header
}

function isMetadata(type: Header['type']): boolean {
  return (
    type === 'ExtendedHeader' ||
    type === 'GlobalExtendedHeader' ||
    type === 'NextFileHasLongPath' ||
    type === 'OldGnuLongPath'
  )
}

function isFile(type: Header['type']): boolean {
  return type === 'File' || type === 'OldFile' || type === 'ContiguousFile'
}

function damaged(path: string, at: number, what?: string): SelfsupError {
  return new SelfsupError(`${path}: not a tar file, or damaged at byte ${at}${what ? `: ${what}` : ''}`, {
    code: 'damaged-file',
    path,
  })
}

function truncated(path: string, at: number, what: string): SelfsupError {
  return new SelfsupError(`${path}: truncated at byte ${at}: ${what}`, { code: 'damaged-file', path })
}
