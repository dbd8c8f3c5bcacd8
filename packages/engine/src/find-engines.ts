import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { EngineName } from './engine.js'
import { describeMachine, type Machine } from './machine.js'
import { loadTensorflowPackage } from './peers.js'

/** Whether an engine can be used here, and what to do where it cannot. */
export interface EngineFound {
  readonly name: EngineName
  /** what it is, for a person */
  readonly title: string
  readonly available: boolean
  /** of the library or package behind it */
  readonly version?: string
  /** where it is */
  readonly folder?: string
  /** why it is not available */
  readonly reason?: string
  /** the command that mends that */
  readonly mend?: string
}

/** What `selfsup doctor` shows. */
export interface EngineReport {
  readonly machine: Machine
  /** all engines, fastest first */
  readonly engines: readonly EngineFound[]
}

/** Looks which engines there are, fastest first, without loading any. */
export async function findEngines(): Promise<EngineFound[]> {
  return [
    await findNative(),
    findPackage('wasm', 'WebAssembly', '@tensorflow/tfjs-backend-wasm'),
    findPackage('cpu', 'plain JavaScript', '@tensorflow/tfjs-backend-cpu'),
  ]
}

/** The machine and its engines. */
export async function describeEngines(): Promise<EngineReport> {
  const [machine, engines] = await Promise.all([describeMachine(), findEngines()])
  return { machine, engines }
}

async function findNative(): Promise<EngineFound> {
  const engine = { name: 'tensorflow', title: 'native TensorFlow' } as const
  try {
    const { findTensorflow, INSTALL_COMMAND } = await loadTensorflowPackage()
    const found = findTensorflow()
    if (!found) return { ...engine, available: false, reason: 'not installed', mend: INSTALL_COMMAND }
    const title = found.source === 'selfsup' ? engine.title : `native TensorFlow of ${found.source}`
    return { ...engine, title, available: true, version: found.version, folder: found.folder }
  } catch (error) {
    return { ...engine, available: false, ...reasonAndMend(error) }
  }
}

function findPackage(name: EngineName, title: string, specifier: string): EngineFound {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${specifier}/package.json`)
    const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
    return { name, title, available: true, version, folder: manifest.replace(/.package\.json$/, '') }
  } catch {
    return {
      name,
      title,
      available: false,
      reason: `${specifier} is not installed`,
      mend: `npm install ${specifier}`,
    }
  }
}

/** A message of the form `what is wrong; run: command`, taken apart. */
export function reasonAndMend(error: unknown): { reason: string; mend?: string } {
  const message = error instanceof Error ? error.message.split('\n')[0]! : String(error)
  const [reason, mend] = message.split(/[;,](?: then)? run: /)
  return mend ? { reason: reason!, mend } : { reason: reason! }
}
