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
  /** who installed it: `installTensorflow`, or the user as a package of that name */
  readonly source: 'selfsup' | '@tensorflow/tfjs-node-gpu' | '@tensorflow/tfjs-node'
  /** of TensorFlow's library (`selfsup`), or of the package */
  readonly version: string
  /** the folder that holds the addon, or the package */
  readonly folder: string
  /** made for NVIDIA cards; computes on the processor where there is none */
  readonly cuda?: boolean
}

/** Where the unpacked wheel and the binding go. */
export interface Places {
  /** holds all of an installation */
  readonly root: string
  /** holds TensorFlow's libraries; NVIDIA's lie beside it, as TensorFlow expects them */
  readonly library: string
  readonly binding: string
}

/** Where this version's files lie in a cache folder. */
export function places(wheel: Wheel, cache: string): Places {
  const root = join(cache, 'tensorflow', wheelName(wheel, thisPlatform()))
  const library = wheel.cuda ? join(root, 'tensorflow') : root
  return { root, library, binding: join(library, `binding-${bindingSources().fingerprint}`) }
}

/** Whether the libraries of an installation are there, each of its size. `verifyLibrary` also compares hashes. */
export function hasLibrary(root: string): boolean {
  try {
    const files = Object.entries(readLibraryRecord(root))
    return files.length > 0 && files.every(([name, { size }]) => statSync(join(root, name)).size === size)
  } catch {
    return false
  }
}

/**
 * Looks for a native TensorFlow without loading it: what `installTensorflow` installed, else the user's
 * own @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node whose addon is there.
 * @param options.cacheFolder where to look instead of the default cache folder
 * @param options.from folder from which the user's packages are resolved; default the working directory
 * @returns undefined where there is none
 */
export function findTensorflow(
  options: { cacheFolder?: string; from?: string } = {},
): TensorflowInstallation | undefined {
  return findInstalled(options.cacheFolder) ?? findTfjsNode(options.from)
}

/** What `installTensorflow` installed, if it is whole: what computes on NVIDIA cards first, where there is a driver. */
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

/** What was installed of a wheel, if it is whole. */
export function installed(wheel: Wheel, cache: string): TensorflowInstallation | undefined {
  const { root, binding } = places(wheel, cache)
  const complete = hasLibrary(root) && existsSync(join(binding, 'selfsup.node'))
  if (!complete) return undefined
  return { source: 'selfsup', version: TENSORFLOW_VERSION, folder: binding, cuda: wheel.cuda }
}

/** The user's own tfjs-node(-gpu), if it is whole. */
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
