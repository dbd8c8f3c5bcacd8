import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'

/** PROVISIONAL: replaced by the tensorflow package's owner. */
export async function loadTensorflow(): Promise<void> {
  if (tf.findBackendFactory('tensorflow')) return
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'
  const require = createRequire(import.meta.url)
  const util = require('node:util')
  util.isNullOrUndefined ??= (x: unknown) => x == null
  util.isArray ??= Array.isArray
  const { NodeJSKernelBackend } = require('@tensorflow/tfjs-node/dist/nodejs_kernel_backend')
  require('@tensorflow/tfjs-node/dist/register_all_kernels')
  const binding = require('/tmp/probe/tfjs_binding.node')
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, 'tensorflow'), 3)
}
