// Bundled by run.mjs: the specs of TensorFlow.js's operations and the core that they test. All copies of core in a process
// share the engine of the first one, so that our backend, which is loaded afterwards, is tested.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops'
import '@tensorflow/tfjs-core/dist/register_all_gradients'
import { setBackend } from '@tensorflow/tfjs-core/dist/globals'
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util'

export async function describeSpecs(backendName: string, loadBackend: () => Promise<unknown>): Promise<void> {
  await loadBackend()
  await setBackend(backendName)
  setTestEnvs([{ name: `test-${backendName}`, backendName, flags: {}, isDataSync: true }])
  await import('@tensorflow/tfjs-core/dist/tests')
}
