import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { cacheFolder } from './cache.js'
import { compileBinding, findCompiler } from './compile.js'
import { downloadNvidia, downloadWheel, findPip } from './download.js'
import { hasLibrary, installed, places, type TensorflowInstallation } from './find.js'
import { type FileRecord, LIBRARY_RECORD } from './library-record.js'
import { isAlive, withLock } from './lock.js'
import { isNvidiaFile, nvidiaLibraries, nvidiaRequirements } from './nvidia.js'
import { thisMachine, thisPlatform, type Wheel, wheelByPlatform, wheelFor } from './platform.js'
import type { Program } from './program.js'
import type { OnProgress } from './progress.js'
import { bindingSources } from './sources.js'
import { readMetadata, tensorflowContents, unpackWheel } from './unpack.js'
import { unopenable } from './verify.js'
import { pinnedRequirement } from './wheel-hashes.js'

/** Options of `installTensorflow`. */
export interface InstallOptions {
  /** called with the current progress, several times a second while downloading */
  readonly onProgress?: OnProgress
  /** default $SELFSUP_CACHE, otherwise $XDG_CACHE_HOME/selfsup, otherwise ~/.cache/selfsup */
  readonly cacheFolder?: string
  /** the Python whose pip downloads; default the first of python3, pip3, pip that runs */
  readonly python?: string
  /** default $CXX, otherwise the first of c++, g++, clang++ that runs */
  readonly compiler?: string
  /** install the CUDA wheel and NVIDIA's libraries: 3.4 GB to download, 5.6 GB on disk. Default false */
  readonly cuda?: boolean
}

/**
 * Installs TensorFlow's C library and its binding, once for all projects of this user. pip downloads the official
 * wheel, whose SHA-256 must be the one in this package; its libraries and C headers are unpacked and checked, and the C++
 * compiler builds the binding.
 * You can interrupt and repeat it at any time, and run it in several processes at once: each part is renamed into place
 * when it is complete. Returns immediately if everything is installed.
 * @throws SelfsupError with one line that says what is missing and the command that fixes it
 */
export async function installTensorflow(options: InstallOptions = {}): Promise<TensorflowInstallation> {
  const { onProgress } = options
  const cache = options.cacheFolder ?? cacheFolder()
  const known = wheelByPlatform(thisPlatform(), options.cuda)
  const already = known && installed(known, cache)
  if (already) return already
  const wheel = wheelFor(thisMachine(), options.cuda)
  const { root, library, binding } = places(wheel, cache)
  // Check for everything that can be missing before the long download.
  const compiler = await findCompiler(options.compiler)
  const pip = hasLibrary(root) ? undefined : await findPip(options.python)
  try {
    await mkdir(join(cache, 'tensorflow'), { recursive: true })
    if (pip) await assertRoom(cache, wheel)
    const onWait = () =>
      onProgress?.({ stage: 'wait', message: 'another process is installing TensorFlow; waiting for it' })
    await withLock(
      installLock(cache),
      async () => {
        if (installed(wheel, cache)) return
        await removeLeftovers(join(cache, 'tensorflow'))
        if (!hasLibrary(root)) {
          await installLibrary(pip ?? (await findPip(options.python)), wheel, root, onProgress)
        }
        if (wheel.cuda) await assertOpens(root, onProgress)
        await removeLeftovers(library)
        await compileBinding(compiler, bindingSources(), wheel, library, binding, onProgress)
      },
      onWait,
    )
  } catch (error) {
    throw explainFiles(error, cache)
  }
  const done = installed(wheel, cache)
  if (done) return done
  throw new SelfsupError(`the installation in ${root} was removed while it was in progress`, {
    code: 'install-failed',
  })
}

/** Lock file of the process that changes installations. */
export function installLock(cache: string): string {
  return join(cache, 'tensorflow', 'install.lock')
}

async function installLibrary(pip: Program, wheel: Wheel, root: string, onProgress?: OnProgress) {
  const folder = `${root}.${process.pid}.partial`
  await rm(folder, { recursive: true, force: true })
  try {
    const download = join(folder, 'download')
    await mkdir(download, { recursive: true })
    const file = await downloadWheel(pip, wheel, download, onProgress)
    const unpacked = join(folder, 'unpacked')
    const files = await unpackWheel(file, tensorflowContents(wheel), unpacked, onProgress)
    if (wheel.cuda) Object.assign(files, await addNvidia(pip, wheel, file, folder, unpacked, onProgress))
    await writeFile(join(unpacked, LIBRARY_RECORD), JSON.stringify(files))
    if (!hasLibrary(root)) await rm(root, { recursive: true, force: true }) // incomplete
    await mkdir(dirname(root), { recursive: true })
    await rename(unpacked, root).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error // another process was first
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Adds the NVIDIA libraries that the wheel requires. Each of their wheels is removed once it is unpacked. */
async function addNvidia(
  pip: Program,
  wheel: Wheel,
  file: string,
  folder: string,
  unpacked: string,
  onProgress?: OnProgress,
): Promise<Record<string, FileRecord>> {
  const requirements = nvidiaRequirements(await readMetadata(file)).map(pinnedRequirement)
  await rm(file)
  const download = join(folder, 'nvidia')
  await mkdir(download, { recursive: true })
  const files: Record<string, FileRecord> = {}
  for (const path of await downloadNvidia(pip, wheel, requirements, download, onProgress)) {
    const contents = { wanted: isNvidiaFile, required: [] }
    Object.assign(files, await unpackWheel(path, contents, unpacked, onProgress))
    await rm(path)
  }
  return files
}

/** Checks that NVIDIA's libraries open. TensorFlow only logs a library that does not open, and computes on the CPU. */
async function assertOpens(root: string, onProgress?: OnProgress): Promise<void> {
  onProgress?.({ stage: 'verify', message: "opening NVIDIA's libraries" })
  const [line] = await unopenable(nvidiaLibraries(root))
  if (line)
    throw new SelfsupError(`one of NVIDIA's libraries does not open (${line})`, {
      code: 'install-failed',
      fix: `remove ${root}`,
      path: root,
    })
}

/** Removes what interrupted installations left: folders with names that end with `.<process>.partial`. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = /\.(\d+)\.partial$/.exec(name)?.[1]
    if (pid && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true })
  }
}

async function assertRoom(cache: string, { room }: Wheel): Promise<void> {
  const { bavail, bsize } = await statfs(cache)
  const free = bavail * bsize
  if (free >= room) return
  throw new SelfsupError(
    `installing TensorFlow needs ${gigabytes(room)} GB, but ${cache} has ${gigabytes(free)} GB left`,
    {
      code: 'install-failed',
      fix: 'free disk space or set SELFSUP_CACHE to a folder on a larger disk',
      path: cache,
    },
  )
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1)
}

/** Turns a file system error of the cache folder into a one-line error; returns any other error unchanged. */
export function explainFiles(error: unknown, cache: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const failure = (problem: string, fix = 'set SELFSUP_CACHE to another folder') =>
    new SelfsupError(problem, { code: 'install-failed', fix, path: cache })
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return failure(`the cache folder ${cache} cannot be written (${code})`)
    case 'ENOTDIR':
    case 'EEXIST':
      return failure(`the cache folder ${cache} is not a folder (${code})`)
    case 'ENOSPC':
    case 'EDQUOT':
      return failure(
        `the disk of the cache folder ${cache} is full`,
        'free 1.5 GB or set SELFSUP_CACHE to another folder',
      )
    default:
      return error
  }
}
