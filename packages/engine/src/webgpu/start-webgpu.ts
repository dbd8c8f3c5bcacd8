import { SelfsupError } from '@selfsup/core'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import type { CompiledStep } from '../engine.js'
import { loadWebgpuBackendPackage } from '../peers.js'
import { findAdapter, type WebgpuHost, webgpuHost } from './dawn.js'
import { describeAdapter, requestDevice } from './device.js'
import { type Failures, listenTo } from './failures.js'
import { guard, readSynchronously } from './guard.js'
import { recordedStep } from './recorded-step.js'
import { type Recorder, recorderOf } from './recorder.js'

/** The backend that was started here, and what its device has reported. */
interface Started {
  readonly backend: WebGPUBackend
  readonly failures: Failures
  readonly recorder: Recorder
  readonly description: string
}

let started: Started | undefined

/**
 * Registers TensorFlow.js's WebGPU backend on the fastest adapter, with errors as exceptions and, in Node, synchronous reads.
 * Takes a new device if the last one was lost, or lost commands.
 * @param options.software also accept an adapter that computes on the processor; default true
 * @returns one line that describes it
 * @throws SelfsupError if a package, the adapter or, without `software`, a GPU is missing
 */
export async function startWebgpu({
  software = true,
}: {
  readonly software?: boolean
} = {}): Promise<string> {
  if (started && !started.failures.broken && tf.findBackend('webgpu') === started.backend) {
    return started.description
  }
  const tfjs = await loadWebgpuBackendPackage()
  const host = await webgpuHost()
  const found = await findAdapter(host)
  if (found.software && !software) {
    throw new SelfsupError(`WebGPU has a software adapter only (${found.name})`, { code: 'unsupported' })
  }
  const device = await requestDevice(found)
  const failures = listenTo(device)
  const backend = withNavigator(host, () => new tfjs.WebGPUBackend(device, found.adapter.info))
  // As the native backend says whether it computes on a GPU.
  Object.assign(backend, { isUsingGpuDevice: !found.software })
  guard(backend, failures)
  if (host.processEvents) {
    readSynchronously(backend, failures, host.processEvents)
    process.once('exit', () => device.destroy()) // or Dawn may crash while the process ends
  }
  if (tf.engine().registryFactory.webgpu) tf.removeBackend('webgpu')
  tf.registerBackend('webgpu', () => backend, 0)
  const { name, features } = describeAdapter(found)
  const kind = found.software ? 'software, ' : ''
  const description = `WebGPU (tfjs-backend-webgpu ${tf.version_core}), ${kind}${name}${features.length > 0 ? `, ${features.join(', ')}` : ''}`
  started = { backend, failures, recorder: recorderOf(backend), description }
  return description
}

/** Compiles a step for the backend that was started. */
export function compileForWebgpu<Args extends unknown[], Result extends tf.TensorContainer>(
  step: (...args: Args) => Result,
): CompiledStep<Args, Result> {
  const { backend, recorder } = started!
  return recordedStep(backend, recorder, step)
}

/** TensorFlow.js's constructor looks for `navigator.gpu`. Node's navigator stays as it is: other packages take it for a browser's. */
function withNavigator<T>({ gpu, processEvents }: WebgpuHost, body: () => T): T {
  if (!processEvents) return body()
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
  try {
    return body()
  } finally {
    if (before) Object.defineProperty(globalThis, 'navigator', before)
    else Reflect.deleteProperty(globalThis, 'navigator')
  }
}
