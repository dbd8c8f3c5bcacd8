import { existsSync } from 'node:fs'
import { lstat, readdir, readFile, realpath, rename, rm } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { SelfsupError, unknownName } from '@selfsup/core'
import { cacheFolder } from './cache.js'
import { findTensorflow, findTfjsNode, hasLibrary } from './find.js'
import { explainFiles, installLock } from './install.js'
import { LIBRARY_RECORD, type Verification, verifyLibrary } from './library-record.js'
import { withLock } from './lock.js'
import { bindingSources } from './sources.js'
import { verifyBinding } from './verify.js'

/** A TensorFlow installation on this machine. */
export interface Installation {
  /** name of its folder in the cache, or of the package */
  readonly name: string
  readonly folder: string
  /** version of TensorFlow's library, or of the package; undefined for the remains of an interrupted installation */
  readonly version?: string
  readonly cuda: boolean
  /** size on disk */
  readonly bytes: number
  /** whether `loadTensorflow` uses it */
  readonly taken: boolean
  /** whether it works; undefined if it was not checked */
  readonly works?: boolean
  /** why it does not work */
  readonly reason?: string
  /** processes that have its library open, as far as this user can see */
  readonly users: readonly number[]
}

/** Names of folders that `installTensorflow` creates (tensorflow-cpu-2.21.0-linux-x64), including partial ones. */
const ours = /^tensorflow(-cpu|-cuda)?-(\d+\.\d+\.\d+)-[a-z0-9]+-[a-z0-9]+(\.\d+\.partial)?$/

/**
 * Lists the installations in the cache folder, and the user's own tfjs-node(-gpu).
 * @param options.check load each complete installation in a separate process and run an operation; default true
 */
export async function listInstallations(
  options: { readonly cacheFolder?: string; readonly from?: string; readonly check?: boolean } = {},
): Promise<Installation[]> {
  const cache = options.cacheFolder ?? cacheFolder()
  const taken = findTensorflow({ cacheFolder: cache, from: options.from })?.folder
  const found: Installation[] = []
  for (const name of await installationNames(cache)) {
    const folder = join(cache, 'tensorflow', name)
    const partial = name.endsWith('.partial')
    const cuda = name.startsWith('tensorflow-cuda-')
    const binding = join(
      cuda ? join(folder, 'tensorflow') : folder,
      `binding-${bindingSources().fingerprint}`,
    )
    found.push({
      name,
      folder,
      version: partial ? undefined : ours.exec(name)?.[2],
      cuda,
      bytes: await bytesOf(folder),
      taken: taken === binding,
      users: await usersOf(folder),
      ...(partial
        ? { works: false, reason: 'left by an interrupted installation' }
        : await state(folder, binding, options.check ?? true)),
    })
  }
  const own = findTfjsNode(options.from)
  if (own) {
    const { source: name, version, folder } = own
    const cuda = name.endsWith('-gpu')
    found.push({
      name,
      folder,
      version,
      cuda,
      bytes: await bytesOf(folder),
      taken: taken === folder,
      users: [],
    })
  }
  return found
}

async function state(folder: string, binding: string, check: boolean) {
  if (!hasLibrary(folder)) return { works: false, reason: 'incomplete' }
  if (!existsSync(join(binding, 'selfsup.node')))
    return { works: false, reason: 'its binding belongs to a different version of @selfsup/tensorflow' }
  if (!check) return {}
  try {
    await verifyBinding(binding)
    return { works: true }
  } catch (error) {
    return { works: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** An installation of the cache folder whose every byte was looked at. */
export interface VerifiedInstallation extends Verification {
  readonly name: string
}

/**
 * Compares every library in the cache folder, and the binding built against it, with the hashes that were recorded when it
 * was installed: TensorFlow's official wheel is pinned by its own. A few seconds per gigabyte.
 */
export async function verifyInstallations(
  options: { readonly cacheFolder?: string } = {},
): Promise<VerifiedInstallation[]> {
  const cache = options.cacheFolder ?? cacheFolder()
  const names = (await installationNames(cache)).filter((name) => !name.endsWith('.partial'))
  const verified: VerifiedInstallation[] = []
  for (const name of names) {
    const root = join(cache, 'tensorflow', name)
    const library = name.startsWith('tensorflow-cuda-') ? join(root, 'tensorflow') : root
    const binding = join(library, `binding-${bindingSources().fingerprint}`)
    const parts = [await verifyLibrary(root)]
    if (existsSync(join(binding, LIBRARY_RECORD))) parts.push(await verifyLibrary(binding))
    verified.push({
      name,
      verified: parts.reduce((sum, part) => sum + part.verified, 0),
      unknown: parts.reduce((sum, part) => sum + part.unknown, 0),
      problems: parts.flatMap(({ problems }) => problems),
    })
  }
  return verified
}

/**
 * Removes installations from the cache folder. Symbolic links and folders that `installTensorflow` did not name are
 * never removed.
 * @param names names from `listInstallations`, or 'all'
 * @returns the names of the removed installations
 * @throws SelfsupError with a one-line message if a name does not exist or an installation is in use
 */
export async function removeInstallations(
  names: readonly string[] | 'all',
  options: { readonly cacheFolder?: string } = {},
): Promise<string[]> {
  const cache = options.cacheFolder ?? cacheFolder()
  const there = await installationNames(cache)
  const wanted = names === 'all' ? there : names
  for (const name of wanted)
    if (!there.includes(name)) {
      const what = there.length > 0 ? unknownName('installation', name, there) : 'nothing is installed'
      throw new SelfsupError(`${cache}: ${what}`)
    }
  if (wanted.length === 0) return []
  try {
    await withLock(installLock(cache), async () => {
      const used = await Promise.all(wanted.map((name) => usersOf(join(cache, 'tensorflow', name))))
      const at = used.findIndex((users) => users.length > 0)
      if (at >= 0)
        throw new SelfsupError(`${wanted[at]} is in use by process ${used[at]!.join(', ')}`, {
          fix: 'end that process and try again',
        })
      for (const name of wanted) await removeFolder(join(cache, 'tensorflow', name))
    })
  } catch (error) {
    throw explainFiles(error, cache)
  }
  return [...wanted]
}

/** Renames the folder first, so that no process sees half of it. The next installation removes interrupted leftovers. */
async function removeFolder(folder: string): Promise<void> {
  const aside = folder.endsWith('.partial') ? folder : `${folder}.${process.pid}.partial`
  if (aside !== folder) await rename(folder, aside)
  await rm(aside, { recursive: true, force: true })
}

/** Names of our folders, without symbolic links. */
async function installationNames(cache: string): Promise<string[]> {
  const entries = await readdir(join(cache, 'tensorflow'), { withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isDirectory() && ours.test(entry.name))
    .map(({ name }) => name)
    .sort()
}

async function bytesOf(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const files = await Promise.all(names.map((name) => lstat(join(folder, name)).catch(() => undefined)))
  return files.reduce((bytes, file) => bytes + (file?.isFile() ? file.size : 0), 0)
}

/** Processes that have a file of this folder mapped. Only works on Linux, for processes of this user. */
async function usersOf(folder: string): Promise<number[]> {
  const prefix = (await realpath(folder).catch(() => folder)) + sep
  const users: number[] = []
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')
    if (maps.includes(prefix)) users.push(Number(pid))
  }
  return users
}
