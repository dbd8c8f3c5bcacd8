import type { ErrorCode } from '@selfsup/core'
import type { EngineName } from './engine.js'
import { explain } from './find-engines.js'
import { loadTensorflowPackage } from './peers.js'

/** Progress of an installation: one line to display, and the bytes downloaded or unpacked so far. */
export interface EngineProgress {
  readonly stage: string
  readonly message: string
  readonly bytes?: number
}

/** The result of `installFastestEngine`. */
export interface InstalledEngine {
  /** the engine that `prepareEngine` uses from now on */
  readonly name: EngineName
  /** whether this is the fastest engine of Selfsup */
  readonly fastest: boolean
  /** one line: what is installed, or why the installation failed */
  readonly message: string
  /** how to fix a failed installation */
  readonly fix?: string
  readonly code?: ErrorCode
  readonly path?: string
}

/**
 * Installs native TensorFlow if it is not installed yet, for set-up scripts. Never throws: if pip, a compiler, the network
 * or a matching wheel is missing, the next engine is used, and `message` says what is missing.
 */
export async function installFastestEngine(
  options: {
    readonly onProgress?: (progress: EngineProgress) => void
    /** install the engine for NVIDIA GPUs; default false */
    readonly cuda?: boolean
  } = {},
): Promise<InstalledEngine> {
  try {
    const { findTensorflow, installTensorflow } = await loadTensorflowPackage()
    const found = options.cuda ? undefined : findTensorflow()
    const { version, folder, source } = found ?? (await installTensorflow(options))
    const library = source === 'selfsup' ? `TensorFlow ${version}` : `${source} ${version}`
    return { name: 'tensorflow', fastest: true, message: `native ${library} in ${folder}` }
  } catch (error) {
    const { reason, fix, code, path } = explain(error)
    return {
      name: 'wasm',
      fastest: false,
      message: `the WebAssembly engine is used, slower than native TensorFlow: ${reason}`,
      fix,
      code,
      path,
    }
  }
}
