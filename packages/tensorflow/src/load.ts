import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import util from 'node:util'
import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { findTensorflow, type TensorflowInstallation } from './find.js'
import { INSTALL_COMMAND } from './platform.js'

/** Name under which TensorFlow.js knows the native backend: `tf.setBackend('tensorflow')`. */
export const BACKEND_NAME = 'tensorflow'

/** How to load. */
export interface LoadOptions {
  /** threads inside and between operations; default all processors that this process may use */
  readonly threads?: number
  /** where `installTensorflow` put it, if not into the default cache folder */
  readonly cacheFolder?: string
}

/**
 * Registers the TensorFlow.js backend `tensorflow`: the installed library, or else the user's own
 * @tensorflow/tfjs-node(-gpu). Does nothing where the backend is registered already.
 * @returns what was loaded
 * @throws SelfsupError where nothing is installed, or what is installed does not load
 */
export async function loadTensorflow(options: LoadOptions = {}): Promise<TensorflowInstallation> {
  const installation = findTensorflow(options)
  if (!installation) {
    throw new SelfsupError(`TensorFlow is not installed on this machine; run: ${INSTALL_COMMAND}`)
  }
  if (tf.findBackendFactory(BACKEND_NAME)) return installation
  keepRemovedUtil()
  setEnvironment(options.threads ?? availableParallelism())
  try {
    if (installation.source === 'selfsup') await loadInstalled(installation.folder)
    else createRequire(import.meta.url)(installation.folder)
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new SelfsupError(
      `TensorFlow in ${installation.folder} does not load (${reason}); remove that folder and run: ${INSTALL_COMMAND}`,
      { cause: error },
    )
  }
  return installation
}

interface Stderr {
  mute(): void
  unmute(): void
}

async function loadInstalled(folder: string): Promise<void> {
  const require = createRequire(import.meta.url)
  const { NodeJSKernelBackend } = await import('./kernels.js')
  const stderr: Stderr = require(join(folder, 'stderr.node'))
  const binding = loadQuietly(() => require(join(folder, 'tfjs_binding.node')), stderr)
  tf.registerBackend(BACKEND_NAME, () => new NodeJSKernelBackend(binding, '@selfsup/tensorflow'), 3)
}

/** TensorFlow writes a notice on oneDNN while its library loads, whatever its log level is set to. */
function loadQuietly<T>(load: () => T, stderr: Stderr): T {
  stderr.mute()
  try {
    return load()
  } finally {
    stderr.unmute()
  }
}

/** Settings that TensorFlow's library reads from the environment once, when it is loaded. */
function setEnvironment(threads: number): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads)
  process.env.TF_NUM_INTEROP_THREADS ??= String(threads)
}

/** The kernels call functions of node:util that Node 23 removed; at run time, so they stay. */
function keepRemovedUtil(): void {
  const old = util as {
    isNullOrUndefined?: (value: unknown) => boolean
    isArray?: (value: unknown) => boolean
  }
  old.isNullOrUndefined ??= (value) => value === null || value === undefined
  old.isArray ??= Array.isArray
}
