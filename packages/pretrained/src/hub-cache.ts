import { readFile, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writeAtomically } from '@selfsup/run-folder'
import type { HubAddress } from './hub-address.js'

/** A commit; other revisions are names of branches and tags. */
export const COMMIT = /^[0-9a-f]{40}$/

/** The cache that Hugging Face's libraries share, in Python and JavaScript. */
export function hubCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface')
  return env.HF_HUB_CACHE ?? env.HUGGINGFACE_HUB_CACHE ?? join(home, 'hub')
}

/** Folder of a repository in the cache. */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, `models--${repository.replace('/', '--')}`)
}

/** The commit of an address: itself, or the one that the cache has for a branch or tag; undefined if the cache has none. */
export async function cachedCommit(cache: string, address: HubAddress): Promise<HubAddress | undefined> {
  if (COMMIT.test(address.revision)) return address
  const ref = join(repositoryFolder(cache, address.repository), 'refs', address.revision)
  const revision = (await readFile(ref, 'utf8').catch(() => '')).trim()
  return COMMIT.test(revision) ? { ...address, revision } : undefined
}

/** Path of a cached file of a commit; undefined if the cache does not have it. */
export async function cachedFile(
  cache: string,
  { repository, revision: commit }: HubAddress,
  file: string,
): Promise<string | undefined> {
  const path = join(repositoryFolder(cache, repository), 'snapshots', commit, file)
  return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined
}

/** Whether the cache knows that a commit does not have a file. */
export async function isKnownMissing(
  cache: string,
  { repository, revision: commit }: HubAddress,
  file: string,
): Promise<boolean> {
  const mark = join(repositoryFolder(cache, repository), '.no_exist', commit, file)
  return (await stat(mark).catch(() => undefined)) !== undefined
}

/** Stores that a commit does not have a file, as Hugging Face's Python library does, so that it is not asked for again. */
export async function storeMissing(
  cache: string,
  { repository, revision: commit }: HubAddress,
  file: string,
): Promise<void> {
  const mark = join(repositoryFolder(cache, repository), '.no_exist', commit, file)
  await writeAtomically(mark, async () => {})
}

/** Stores which commit a branch or tag had, as Hugging Face's Python library does, so that its files are found without network. */
export async function storeRevision(
  cache: string,
  { repository, revision }: HubAddress,
  commit: string,
): Promise<void> {
  if (COMMIT.test(revision)) return
  const ref = join(repositoryFolder(cache, repository), 'refs', revision)
  await writeAtomically(ref, (file) => file.writeFile(commit))
}

/**
 * Removes what an interrupted download left.
 * @param name of the file's content in the cache
 */
export async function removeIncomplete(cache: string, repository: string, name: string): Promise<void> {
  await rm(join(repositoryFolder(cache, repository), 'blobs', `${name}.incomplete`), { force: true })
}
