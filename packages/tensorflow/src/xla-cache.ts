import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'

/** What compiled programs depend on, in addition to the step itself. */
export interface XlaTarget {
  /** version of TensorFlow's library */
  readonly version: string
  /** fingerprint of the addon */
  readonly addon: string
  /** describes the libraries that TensorFlow loads in addition to its own */
  readonly libraries: string
  /** describes the device and its driver */
  readonly device: string
}

/** Maximum size in bytes of all cached programs. */
const LARGEST = 2e9

/** Minimum free space in bytes. TensorFlow reports a full disk as an error of the step. */
const ROOM = 5e8

/**
 * Opens the folder where XLA keeps compiled programs, and results of tuning them, for later processes. Several processes can use it
 * at once: XLA writes a file under another name and renames it. Removes empty files, and the least recently used files if all
 * together are larger than `largest`.
 * @param root the folder of all targets
 * @returns the folder for this target; undefined if it can't be used: not writable, no space, or white space in its path, which
 *   TensorFlow's flags do not support
 */
export function openXlaCache(root: string, target: XlaTarget, largest = LARGEST): string | undefined {
  const { version, addon, libraries, device } = target
  const hash = createHash('sha256')
    .update(JSON.stringify([version, addon, libraries, device]))
    .digest('hex')
  const folder = join(root, `${version}-${hash.slice(0, 16)}`)
  if (/\s/.test(folder)) return undefined
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.W_OK)
    prune(root, largest)
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize < ROOM ? undefined : folder
  } catch {
    return undefined // steps are compiled in each process
  }
}

/** Removes all cached programs in a folder, because one of them is damaged. */
export function clearXlaCache(folder: string): void {
  for (const { path } of filesOf(folder)) rmSync(path, { force: true })
}

/**
 * The environment variables that make TensorFlow use the folder. Flags that the user has set stay.
 * @param gpu also keep the results of tuning kernels for the GPU
 */
export function xlaCacheFlags(
  folder: string,
  gpu: boolean,
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const tuning = join(folder, 'autotune')
  const added = {
    TF_XLA_FLAGS: [`--tf_xla_persistent_cache_directory=${folder}`],
    XLA_FLAGS: gpu ? [`--xla_gpu_per_fusion_autotune_cache_dir=${tuning}`] : [],
  }
  const variables: Record<string, string> = {}
  for (const [name, flags] of Object.entries(added)) {
    const given = env[name] ?? ''
    const missing = flags.filter((flag) => !given.includes(flag.split('=')[0]!))
    if (missing.length > 0) variables[name] = [given, ...missing].filter(Boolean).join(' ')
  }
  return variables
}

/** Describes the processor, for which XLA compiles machine code. */
export function processorDevice(): string {
  const about = read('/proc/cpuinfo').split('\n\n')[0] ?? ''
  const facts = about.split('\n').filter((line) => /^(model name|flags|Features|CPU part)\b/.test(line))
  return [process.platform, process.arch, ...facts].join('\n')
}

/** Describes the NVIDIA GPUs and their driver, as the driver does. */
export function nvidiaDevice(root = '/proc/driver/nvidia'): string {
  const gpus = list(join(root, 'gpus')).map((name) =>
    read(join(root, 'gpus', name, 'information'))
      .split('\n')
      .filter((line) => /^(Model|GPU Firmware)/.test(line))
      .join('\n'),
  )
  return [read(join(root, 'version')), ...gpus, process.env.CUDA_VISIBLE_DEVICES ?? ''].join('\n')
}

interface CachedFile {
  readonly path: string
  readonly bytes: number
  /** when it was last written or read, in ms; with file systems that do not note reads, when it was written */
  readonly used: number
}

function prune(root: string, largest: number): void {
  const files = filesOf(root).sort((a, b) => b.used - a.used)
  let total = 0
  for (const { path, bytes } of files) {
    total += bytes
    if (bytes === 0 || total > largest) rmSync(path, { force: true }) // in use or not: a process reads a program once
  }
}

/** Files that XLA has finished writing. */
function filesOf(root: string): CachedFile[] {
  return list(root, true)
    .filter((name) => /\.(pb|textproto|pbtxt)$/.test(name))
    .flatMap((name) => {
      const path = join(root, name)
      try {
        const { size, mtimeMs, atimeMs } = statSync(path)
        return [{ path, bytes: size, used: Math.max(mtimeMs, atimeMs) }]
      } catch {
        return [] // another process removed it
      }
    })
}

function list(folder: string, recursive = false): string[] {
  try {
    return readdirSync(folder, { recursive, encoding: 'utf8' })
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
