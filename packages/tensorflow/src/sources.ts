import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The C++ files of the binding. */
export interface BindingSources {
  /** controls standard error and memory of the process, for which the library has no settings */
  readonly process: string
  /** the TensorFlow binding, our own operations, and JPEG decoding */
  readonly selfsup: readonly string[]
  /** include folders: Node-API */
  readonly include: readonly string[]
  /** changes when a source changes */
  readonly fingerprint: string
}

/**
 * Finds the binding's sources: `dist/binding` in the published package; in a checkout, `src/native` and the headers of
 * the pinned development dependency.
 */
export function bindingSources(): BindingSources {
  const bundled = fileURLToPath(new URL('./binding', import.meta.url))
  const { nodeApi, native } = existsSync(bundled)
    ? { nodeApi: join(bundled, 'node-api'), native: bundled }
    : fromCheckout()
  const names = readdirSync(native).filter((name) => /\.(cc|h)$/.test(name))
  const hash = createHash('sha256')
  for (const name of names.sort()) hash.update(name).update(readFileSync(join(native, name)))
  const own = names.filter((name) => name.endsWith('.cc') && name !== 'process.cc')
  return {
    process: join(native, 'process.cc'),
    selfsup: own.map((name) => join(native, name)),
    include: [nodeApi],
    fingerprint: hash.digest('hex').slice(0, 12),
  }
}

function fromCheckout() {
  const require = createRequire(import.meta.url)
  return {
    nodeApi: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    native: fileURLToPath(new URL('./native', import.meta.url)),
  }
}
