import type { ErrorCode } from '@selfsup/core'
import type { EngineName } from './engine.js'
import { explain } from './find-engines.js'
import { loadTensorflowPackage } from './peers.js'

/** What an installation is doing: one line for a person, and bytes downloaded or unpacked so far. */
export interface EngineProgress {
  readonly stage: string
  readonly message: string
  readonly bytes?: number
}

/** What came of an attempt to install the fastest engine. */
export interface InstalledEngine {
  /** the engine that `prepareEngine` takes from now on */
  readonly name: EngineName
  /** whether that is the fastest one that Selfsup knows */
  readonly fastest: boolean
  /** one line: what is installed, or why nothing could be installed */
  readonly message: string
  /** what to do about it, where nothing could be installed */
  readonly fix?: string
  readonly code?: ErrorCode
}

/**
 * Installs native TensorFlow where it is not installed yet, for the set-up of a project. Never throws: without
 * pip, compiler, network or a fitting wheel the next engine serves, and `message` says what was missing.
 */
export async function installFastestEngine(
  options: {
    readonly onProgress?: (progress: EngineProgress) => void
    /** what computes on NVIDIA cards; default false */
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
    const { reason, fix, code } = explain(error)
    return {
      name: 'wasm',
      fastest: false,
      message: `the WebAssembly engine is used, slower than native TensorFlow: ${reason}`,
      fix,
      code,
    }
  }
}
