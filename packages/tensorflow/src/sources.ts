import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The C++ files that make the binding. */
export interface BindingSources {
  /** the binding of @tensorflow/tfjs-node: kernels' access to TensorFlow */
  readonly binding: readonly string[]
  /** standard error and memory of the process, which the library has no settings for */
  readonly process: string
  /** operations that TensorFlow lacks, and decoding */
  readonly selfsup: readonly string[]
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
  const files = [tfjsNode, native].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /\.(cc|h)$/.test(name))
      .map((name) => join(folder, name)),
  )
  // By name, so that a checkout, which has them in two folders, and the published package agree.
  const byName = new Map(files.map((file) => [basename(file), file]))
  const hash = createHash('sha256')
  for (const name of [...byName.keys()].sort()) hash.update(name).update(readFileSync(byName.get(name)!))
  return {
    binding: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsNode, name)),
    process: join(native, 'process.cc'),
    selfsup: ['addon.cc', 'views.cc', 'jpeg.cc'].map((name) => join(native, name)),
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
