import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The C++ files that make the binding. */
export interface BindingSources {
  /** the binding of @tensorflow/tfjs-node: kernels' access to TensorFlow */
  readonly binding: readonly string[]
  /** standard error and memory of the process, which the library has no settings for */
  readonly process: string
  /** folders with headers: Node-API */
  readonly include: readonly string[]
  /** changes when a source does */
  readonly fingerprint: string
}

/**
 * In the published package everything lies in `dist/binding`; in a checkout the sources are those of the
 * pinned development dependencies.
 */
export function bindingSources(): BindingSources {
  const bundled = fileURLToPath(new URL('./binding', import.meta.url))
  const { tfjsNode, nodeApi, native } = existsSync(bundled)
    ? { tfjsNode: bundled, nodeApi: join(bundled, 'node-api'), native: bundled }
    : fromCheckout()
  const files = (folder: string) =>
    readdirSync(folder)
      .filter((name) => /\.(cc|h)$/.test(name))
      .sort()
      .map((name) => join(folder, name))
  const hash = createHash('sha256')
  const own = join(native, 'process.cc')
  for (const file of [...files(tfjsNode).filter((file) => file !== own), own]) hash.update(readFileSync(file))
  return {
    binding: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsNode, name)),
    process: own,
    include: [nodeApi],
    fingerprint: hash.digest('hex').slice(0, 12),
  }
}

function fromCheckout() {
  const require = createRequire(import.meta.url)
  return {
    tfjsNode: join(dirname(require.resolve('@tensorflow/tfjs-node/package.json')), 'binding'),
    nodeApi: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    native: fileURLToPath(new URL('./native', import.meta.url)),
  }
}
