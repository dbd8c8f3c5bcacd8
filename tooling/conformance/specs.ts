// What run.mjs bundles: the specs of TensorFlow.js's operations and the core that they test. The engine of the first
// core that a process loads serves all others, so that our backend, loaded afterwards, is the one tested.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops'
import '@tensorflow/tfjs-core/dist/register_all_gradients'
import { setBackend } from '@tensorflow/tfjs-core/dist/globals'
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util'

export async function describeSpecs(loadBackend: () => Promise<unknown>): Promise<void> {
  await loadBackend()
  await setBackend('tensorflow')
  setTestEnvs([{ name: 'test-tensorflow', backendName: 'tensorflow', flags: {}, isDataSync: true }])
  await import('@tensorflow/tfjs-core/dist/tests')
}
