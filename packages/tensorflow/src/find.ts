import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cacheFolder } from './cache.js'
import { readLibraryRecord } from './library-record.js'
import {
  hasNvidiaDriver,
  TENSORFLOW_VERSION,
  thisPlatform,
  type Wheel,
  wheelByPlatform,
  wheelName,
} from './platform.js'
import { bindingSources } from './sources.js'

/** A native TensorFlow that can be loaded. */
export interface TensorflowInstallation {
  /** `selfsup` if installed by `installTensorflow`, otherwise the package that the user installed */
  readonly source: 'selfsup' | '@tensorflow/tfjs-node-gpu' | '@tensorflow/tfjs-node'
  /** version of TensorFlow's library (`selfsup`), or of the package */
  readonly version: string
  /** the folder that contains the addon, or the package */
  readonly folder: string
  /** built for NVIDIA GPUs; computes on the CPU if there is none */
  readonly cuda?: boolean
}

/** Folders of the unpacked wheel and the binding. */
export interface Places {
  /** contains the whole installation */
  readonly root: string
  /** contains TensorFlow's libraries; NVIDIA's are next to it, where TensorFlow looks for them */
  readonly library: string
  readonly binding: string
}

/** Paths of this version's files in a cache folder. */
export function places(wheel: Wheel, cache: string): Places {
  const root = join(cache, 'tensorflow', wheelName(wheel, thisPlatform()))
  const library = wheel.cuda ? join(root, 'tensorflow') : root
  return { root, library, binding: join(library, `binding-${bindingSources().fingerprint}`) }
}

/** Whether the libraries of an installation are complete, by their sizes. `verifyLibrary` also compares hashes. */
export function hasLibrary(root: string): boolean {
  try {
    const files = Object.entries(readLibraryRecord(root))
    return files.length > 0 && files.every(([name, { size }]) => statSync(join(root, name)).size === size)
  } catch {
    return false
  }
}

/**
 * Looks for a native TensorFlow without loading it: an installation by `installTensorflow`, otherwise the user's own
 * @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node if its addon exists.
 * @param options.cacheFolder replaces the default cache folder
 * @param options.from folder from which the user's packages are resolved; default the working directory
 * @returns undefined if there is none
 */
export function findTensorflow(
  options: { cacheFolder?: string; from?: string } = {},
): TensorflowInstallation | undefined {
  return findInstalled(options.cacheFolder) ?? findTfjsNode(options.from)
}

/** The complete installation by `installTensorflow`. With an NVIDIA driver, the CUDA installation comes first. */
export function findInstalled(cache = cacheFolder()): TensorflowInstallation | undefined {
  if (!existsSync(join(cache, 'tensorflow'))) return undefined
  const order = hasNvidiaDriver() ? [true, false] : [false, true]
  for (const cuda of order) {
    const wheel = wheelByPlatform(thisPlatform(), cuda)
    const found = wheel && installed(wheel, cache)
    if (found) return found
  }
  return undefined
}

/** The installation of a wheel, if it is complete. */
export function installed(wheel: Wheel, cache: string): TensorflowInstallation | undefined {
  const { root, binding } = places(wheel, cache)
  const complete = hasLibrary(root) && existsSync(join(binding, 'selfsup.node'))
  if (!complete) return undefined
  return { source: 'selfsup', version: TENSORFLOW_VERSION, folder: binding, cuda: wheel.cuda }
}

/** The user's own tfjs-node(-gpu), if its addon exists. */
export function findTfjsNode(from = process.cwd()): TensorflowInstallation | undefined {
  const require = createRequire(join(from, 'package.json'))
  for (const source of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const) {
    try {
      const manifest = require.resolve(`${source}/package.json`)
      const folder = dirname(manifest)
      const lib = join(folder, 'lib')
      const built = readdirSync(lib).some((name) => existsSync(join(lib, name, 'tfjs_binding.node')))
      const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
      if (built) return { source, version, folder }
    } catch {
      // not installed, or without its addon
    }
  }
  return undefined
}
