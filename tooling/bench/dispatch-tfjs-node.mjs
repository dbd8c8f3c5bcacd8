// The same with @tensorflow/tfjs-node 4.22, its binding compiled against the TensorFlow that ours uses.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import util from 'node:util'
import { additions } from './additions.mjs'
import { load } from './packages.mjs'

const fromTensorflow = createRequire(new URL('../../packages/tensorflow/package.json', import.meta.url))
const { findTensorflow } = await load('tensorflow')
const found = findTensorflow()
if (!found) throw new Error('this benchmark needs native TensorFlow: npx selfsup engine install')
const library = dirname(found.folder)
const tfjsNode = dirname(fromTensorflow.resolve('@tensorflow/tfjs-node/package.json'))
const addon = fileURLToPath(new URL('../../.cache/tfjs-node/tfjs_binding.node', import.meta.url))
if (!existsSync(addon)) {
  mkdirSync(dirname(addon), { recursive: true })
  const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) =>
    join(library, name),
  )
  execFileSync(process.env.CXX ?? 'c++', [
    ...['-std=c++17', '-O2', '-DNAPI_VERSION=8', '-fPIC', '-shared', `-Wl,-rpath,${library}`],
    ...[
      '-I',
      join(library, 'include'),
      '-I',
      join(dirname(fromTensorflow.resolve('node-api-headers/package.json')), 'include'),
    ],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsNode, 'binding', name)),
    ...libraries,
    ...['-o', addon],
  ])
}
process.env.TF_CPP_MIN_LOG_LEVEL = '3'
Object.assign(util, {
  isNullOrUndefined: (/** @type {unknown} */ value) => value == null,
  isArray: Array.isArray,
})
const tf = fromTensorflow('@tensorflow/tfjs-core')
fromTensorflow('@tensorflow/tfjs-node/dist/register_all_kernels.js')
const { NodeJSKernelBackend } = fromTensorflow('@tensorflow/tfjs-node/dist/nodejs_kernel_backend.js')
tf.registerBackend(
  'tensorflow',
  () => new NodeJSKernelBackend(fromTensorflow(addon), '@tensorflow/tfjs-node'),
)
await tf.setBackend('tensorflow')
const chain = additions(tf)
const value = chain.milliseconds(chain.run)
console.log(
  JSON.stringify({
    rows: [
      { case: 'one operation at a time', value, unit: 'ms' },
      { case: 'compiled, against one operation at a time in tfjs-node', value, unit: 'ms' },
    ],
    versions: '@tensorflow/tfjs-node 4.22.0',
  }),
)
process.exit()
