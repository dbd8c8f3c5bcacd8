import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, sep } from 'node:path'
import { writeAtomically } from '@selfsup/run-folder'
import type { HubAddress } from './hub-address.js'

const COMMIT = /^[0-9a-f]{40}$/

/** The cache that Hugging Face's libraries share, in Python and JavaScript. */
export function hubCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface')
  return env.HF_HUB_CACHE ?? env.HUGGINGFACE_HUB_CACHE ?? join(home, 'hub')
}

/** Folder of a repository in the cache. */
export function repositoryFolder(cache: string, repository: string): string {
  return join(cache, `models--${repository.replace('/', '--')}`)
}

/** Path of a cached file; undefined if the cache does not have it for this revision. */
export async function cachedFile(
  cache: string,
  { repository, revision }: HubAddress,
  file: string,
): Promise<string | undefined> {
  const folder = repositoryFolder(cache, repository)
  const commit = COMMIT.test(revision)
    ? revision
    : (await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '')).trim()
  if (commit === '' || basename(commit) !== commit) return undefined
  const path = join(folder, 'snapshots', commit, file)
  return (await stat(path).catch(() => undefined))?.isFile() ? path : undefined
}

/** Stores which commit a branch or tag had, as Hugging Face's Python library does, so that the file is found without network. */
export async function storeRevision(
  cache: string,
  { repository, revision }: HubAddress,
  path: string,
): Promise<void> {
  const folder = repositoryFolder(cache, repository)
  const snapshots = join(folder, 'snapshots') + sep
  const [commit] = path.startsWith(snapshots) ? path.slice(snapshots.length).split(sep) : []
  if (!commit || COMMIT.test(revision)) return
  const ref = join(folder, 'refs', revision)
  await mkdir(dirname(ref), { recursive: true })
  await writeAtomically(ref, (file) => file.writeFile(commit))
}

/** Removes what an interrupted download left. */
export async function removeIncomplete(cache: string, repository: string): Promise<void> {
  const blobs = join(repositoryFolder(cache, repository), 'blobs')
  for (const name of await readdir(blobs).catch(() => []))
    if (name.endsWith('.incomplete')) await rm(join(blobs, name), { force: true })
}
