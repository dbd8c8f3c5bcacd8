import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The C++ files that make the binding. */
export interface BindingSources {
  /** the binding of @tensorflow/tfjs-node: kernels' access to TensorFlow */
  readonly binding: readonly string[]
  /** switches standard error while the library loads */
  readonly stderr: string
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
  const { tfjsNode, nodeApi, own } = existsSync(bundled)
    ? { tfjsNode: bundled, nodeApi: join(bundled, 'node-api'), own: bundled }
    : fromCheckout()
  const files = (folder: string) =>
    readdirSync(folder)
      .filter((name) => /\.(cc|h)$/.test(name))
      .sort()
      .map((name) => join(folder, name))
  const hash = createHash('sha256')
  const stderr = join(own, 'stderr.cc')
  for (const file of new Set([...files(tfjsNode), stderr])) {
    if (!file.endsWith('stderr.cc')) hash.update(readFileSync(file))
  }
  return {
    binding: ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsNode, name)),
    stderr,
    include: [nodeApi],
    fingerprint: hash.update(readFileSync(stderr)).digest('hex').slice(0, 12),
  }
}

function fromCheckout() {
  const require = createRequire(import.meta.url)
  return {
    tfjsNode: join(dirname(require.resolve('@tensorflow/tfjs-node/package.json')), 'binding'),
    nodeApi: join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    own: fileURLToPath(new URL('./native', import.meta.url)),
  }
}
