import { createRequire } from 'node:module'
import { basename, join, resolve } from 'node:path'
import util from 'node:util'
import { provideJpegCropper, SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Addon } from './addon.js'
import { TensorflowBackend } from './backend.js'
import { cacheFolder } from './cache.js'
import { findTensorflow, type TensorflowInstallation } from './find.js'
import { fixKernels } from './fixed-kernels.js'
import { readLibraryRecord } from './library-record.js'
import { overrideConvolutions } from './own-convolutions.js'
import type { WorkerAddresses } from './server-def.js'
import {
  configOf,
  detectEnvironment,
  type TensorflowOptions,
  type TensorflowSettings,
  tensorflowSettings,
} from './settings.js'
import { selectStridedPixels } from './strided-filters.js'
import { nvidiaDevice, openXlaCache, processorDevice, xlaCacheFlags } from './xla-cache.js'

/** Name of the native backend in TensorFlow.js: `tf.setBackend('tensorflow')`. */
export const BACKEND_NAME = 'tensorflow'

/** Options of `loadTensorflow`. */
export interface LoadOptions extends TensorflowOptions {
  /** the cache folder of `installTensorflow`, if not the default */
  readonly cacheFolder?: string
  /** folder from which the user's own tfjs-node is resolved; default the working directory */
  readonly from?: string
}

/** The loaded TensorFlow. */
export interface LoadedTensorflow extends TensorflowInstallation {
  /** undefined for the user's own tfjs-node, which has its own settings */
  readonly settings?: TensorflowSettings
}

/**
 * Registers the TensorFlow.js backend `tensorflow`: the installed library, otherwise the user's own
 * @tensorflow/tfjs-node(-gpu). Does nothing if the backend is already registered: its settings are those of the first call.
 * @returns the loaded installation
 * @throws SelfsupError if nothing is installed, the installation does not load, or TensorFlow runs with the other mixed precision
 */
export async function loadTensorflow(options: LoadOptions = {}): Promise<LoadedTensorflow> {
  loading ??= load(options).catch((error: unknown) => {
    loading = undefined // it may be installed later
    throw error
  })
  const loaded = await loading
  const { mixedPrecision: wanted } = options
  if (loaded.settings && (wanted === 'on' || wanted === 'off')) {
    const is = loaded.settings.mixedPrecision === 'bfloat16' ? 'on' : 'off'
    if (is !== wanted)
      throw new SelfsupError(
        `TensorFlow was started in this process with mixed precision ${is}, which cannot be changed to ${wanted}`,
        {
          fix:
            wanted === 'on'
              ? "pass mixedPrecision: 'on' the first time"
              : "pass mixedPrecision: 'off' the first time, or precision: 'float32' to compile()",
        },
      )
  }
  return loaded
}

let loading: Promise<LoadedTensorflow> | undefined

async function load(options: LoadOptions): Promise<LoadedTensorflow> {
  const installation = findTensorflow(options)
  if (tf.findBackendFactory(BACKEND_NAME)) {
    // The program imported its own tfjs-node.
    return (
      installation ?? { source: '@tensorflow/tfjs-node', version: tf.version_core, folder: process.cwd() }
    )
  }
  if (!installation) {
    throw new SelfsupError('TensorFlow is not installed on this machine', {
      code: 'engine-missing',
      fix: 'call installTensorflow() of @selfsup/tensorflow once',
    })
  }
  const chosen = tensorflowSettings(options, detectEnvironment(installation))
  const settings = { ...chosen, xlaCache: xlaCacheOf(installation, chosen, options) }
  if (settings.emulated)
    console.warn(
      'mixed precision is on, but this processor has neither AMX nor AVX512-BF16: bfloat16 is emulated, which is not faster than float32',
    )
  replaceRemovedUtil()
  setEnvironment(settings)
  try {
    if (installation.source === 'selfsup') await loadInstalled(installation.folder, settings)
    else createRequire(import.meta.url)(installation.folder)
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new SelfsupError(`TensorFlow in ${installation.folder} does not load (${reason})`, {
      code: 'engine-broken',
      fix: 'remove that folder and install TensorFlow again',
      path: installation.folder,
      cause: error,
    })
  }
  return installation.source === 'selfsup' ? { ...installation, settings } : installation
}

interface ProcessAddon {
  keepMemory(): void
  mute(): void
  unmute(): void
}

async function loadInstalled(folder: string, settings: TensorflowSettings): Promise<void> {
  const require = createRequire(import.meta.url)
  await import('./kernels.js')
  fixKernels(BACKEND_NAME)
  const ofProcess: ProcessAddon = require(join(folder, 'process.node'))
  ofProcess.keepMemory()
  const addon: Addon = loadQuietly(() => require(join(folder, 'selfsup.node')), ofProcess)
  const start = () => {
    const backend = new TensorflowBackend(addon, configOf(settings), settings)
    selectStridedPixels(BACKEND_NAME)
    if (backend.ownConvolutions) overrideConvolutions(BACKEND_NAME)
    return backend
  }
  // TensorFlow.js hides why a backend does not start. A worker starts here, because its address may be in use.
  const worker = settings.workers && listening(start, settings.workers)
  tf.registerBackend(BACKEND_NAME, () => worker ?? start(), 3)
  provideJpegCropper(addon.cropJpeg)
}

function listening(start: () => TensorflowBackend, { addresses, rank }: WorkerAddresses): TensorflowBackend {
  try {
    return start()
  } catch (error) {
    throw new SelfsupError(
      `worker ${rank} can't listen at ${addresses[rank]}: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
      {
        code: 'worker-failed',
        fix: 'choose an address of this machine with a free port, the same for all workers',
        cause: error,
      },
    )
  }
}

/** Suppresses the notice about oneDNN that TensorFlow writes while its library loads, whatever the log level. */
function loadQuietly<T>(load: () => T, addon: ProcessAddon): T {
  addon.mute()
  try {
    return load()
  } finally {
    addon.unmute()
  }
}

/** The folder where XLA keeps compiled programs; none with SELFSUP_XLA_CACHE=0, or for the user's own tfjs-node. */
function xlaCacheOf(
  { source, version, folder, cuda }: TensorflowInstallation,
  { gpu }: TensorflowSettings,
  options: LoadOptions,
): string | undefined {
  const given = process.env.SELFSUP_XLA_CACHE
  if (source !== 'selfsup' || given === '0') return undefined
  return openXlaCache(given ? resolve(given) : join(options.cacheFolder ?? cacheFolder(), 'xla'), {
    version: cuda ? `${version}-cuda` : version,
    addon: basename(folder),
    libraries: cuda ? recordedLibraries(join(folder, '..', '..')) : '', // NVIDIA's
    device: gpu ? `${processorDevice()}\n${nvidiaDevice()}` : processorDevice(),
  })
}

function recordedLibraries(root: string): string {
  try {
    return JSON.stringify(readLibraryRecord(root))
  } catch {
    return '' // made by hand
  }
}

/** Sets the environment variables that TensorFlow's library reads once, when it loads. */
function setEnvironment({ threads, operations, oneDnn, xlaCache, gpu }: TensorflowSettings): void {
  if (xlaCache) Object.assign(process.env, xlaCacheFlags(xlaCache, gpu))
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads)
  process.env.TF_NUM_INTEROP_THREADS ??= String(operations)
  // By default the library uses oneDNN only on the newest processors. With AVX2 it also makes training 1.8 times as fast.
  if (oneDnn) process.env.TF_ENABLE_ONEDNN_OPTS ??= '1'
}

/**
 * Restores two functions of node:util that the kernels call at run time. Node 22 deprecates them and Node 23 removed
 * them.
 */
function replaceRemovedUtil(): void {
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  })
}
