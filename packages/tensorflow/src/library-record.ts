import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** File inside the library's folder that says which files belong there, how large they are, and their hashes. */
export const LIBRARY_RECORD = 'library.json'

/** What is known of an installed file. */
export interface FileRecord {
  readonly size: number
  /** hexadecimal; missing from installations made before it was recorded */
  readonly sha256?: string
}

/**
 * What belongs into a folder, by path in it.
 * @throws Error if there is no record, or if it is damaged
 */
export function readLibraryRecord(folder: string): Record<string, FileRecord> {
  const record: unknown = JSON.parse(readFileSync(join(folder, LIBRARY_RECORD), 'utf8'))
  // Earlier versions wrote the sizes alone.
  return Object.fromEntries(
    Object.entries(record as Record<string, number | FileRecord>).map(([name, value]) => [
      name,
      typeof value === 'number' ? { size: value } : value,
    ]),
  )
}

/** Writes down what lies in a folder. */
export async function writeLibraryRecord(folder: string, names: readonly string[]): Promise<void> {
  const record: Record<string, FileRecord> = {}
  for (const name of names) {
    const path = join(folder, name)
    record[name] = { size: (await stat(path)).size, sha256: await sha256Of(path) }
  }
  await writeFile(join(folder, LIBRARY_RECORD), JSON.stringify(record))
}

/** SHA-256 of a file, hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash)
  return hash.digest('hex')
}

/** What a look at every byte of a folder found. */
export interface Verification {
  /** files whose hash is the recorded one */
  readonly verified: number
  /** files that are there but have no recorded hash */
  readonly unknown: number
  /** what is wrong, a line each; empty where nothing is */
  readonly problems: readonly string[]
}

/** Compares every file that belongs into a folder with its recorded size and hash. */
export async function verifyLibrary(folder: string): Promise<Verification> {
  let record: Record<string, FileRecord>
  try {
    record = readLibraryRecord(folder)
  } catch {
    return { verified: 0, unknown: 0, problems: [`${join(folder, LIBRARY_RECORD)} is missing or damaged`] }
  }
  let [verified, unknown] = [0, 0]
  const problems: string[] = []
  for (const [name, { size, sha256 }] of Object.entries(record)) {
    const path = join(folder, name)
    const facts = await stat(path).catch(() => undefined)
    if (!facts) problems.push(`${path} is missing`)
    else if (facts.size !== size) problems.push(`${path} has ${facts.size} bytes instead of ${size}`)
    else if (sha256 === undefined) unknown++
    else if ((await sha256Of(path)) !== sha256) problems.push(`${path} is damaged: its SHA-256 is another`)
    else verified++
  }
  return { verified, unknown, problems }
}
