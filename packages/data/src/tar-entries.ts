import type { FileHandle } from 'node:fs/promises'
import { SelfsupError } from '@selfsup/core'
import { Header } from 'tar/header'
import { Pax } from 'tar/pax'
import { readFully } from './read-fully.js'

/** A file inside a tar: where its bytes are. */
export interface TarEntry {
  readonly name: string
  readonly start: number
  readonly size: number
}

const BLOCK = 512

/** Long names and extended headers take a few hundred bytes; a larger one is an attack on the memory. */
const MOST_METADATA = 2 ** 20

/**
 * The files in a tar, from its headers alone: the contents are skipped, not read. Headers are decoded by `tar` (node-tar):
 * ustar, GNU long names and base-256 sizes, pax names and sizes.
 * @param path for messages
 * @throws SelfsupError naming the byte where the tar is damaged or ends too early
 */
export async function* tarEntries(file: FileHandle, path: string): AsyncGenerator<TarEntry> {
  const { size: length } = await file.stat()
  const block = Buffer.alloc(BLOCK)
  let pax: Pax | undefined
  let globalPax: Pax | undefined
  let longName: string | undefined
  for (let at = 0; at < length; ) {
    if (at + BLOCK > length) throw truncated(path, at, 'the header there is not whole')
    await readFully(file, block, at, cutShort(path))
    const header = decode(block, path, at, pax, globalPax)
    if (header.nullBlock) return
    const { size, type } = header
    if (size === undefined) throw damaged(path, at, 'the size there is missing or negative')
    const start = at + BLOCK
    if (!Number.isSafeInteger(size) || start + size > length)
      throw truncated(path, at, `the file there has ${size} bytes and goes beyond the end`)
    if (isMetadata(type)) {
      if (size > MOST_METADATA)
        throw damaged(
          path,
          at,
          `names and attributes there take ${size} bytes; at most ${MOST_METADATA} are read`,
        )
      const text = (await tarBytes(file, { start, size }, path)).toString('utf8')
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

/** The bytes of one file of a tar. */
export async function tarBytes(
  file: FileHandle,
  { start, size }: Pick<TarEntry, 'start' | 'size'>,
  path: string,
): Promise<Buffer> {
  const buffer = Buffer.alloc(size)
  await readFully(file, buffer, start, cutShort(path))
  return buffer
}

function decode(block: Buffer, path: string, at: number, pax?: Pax, globalPax?: Pax): Header {
  let header: Header
  try {
    header = new Header(block, 0, pax, globalPax)
  } catch (error) {
    throw damaged(path, at, (error as Error).message) // numbers in base 256 that are none, or beyond 2^53
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

const cutShort = (path: string) => `${path}: ends earlier than when it was opened`
