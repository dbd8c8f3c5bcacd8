/// <reference types="@webgpu/types" />
import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { tidyStep } from '../compile.js'
import type { Engine } from '../engine.js'
import { describeAdapter, requestDevice } from '../webgpu/device.js'
import { type Failures, listenTo } from '../webgpu/failures.js'
import { guard } from '../webgpu/guard.js'
import { recordedStep } from '../webgpu/recorded-step.js'
import { recorderOf } from '../webgpu/recorder.js'

interface Started {
  readonly description: string
  readonly gpu: boolean
  /** records a step and repeats it */
  readonly compile: Engine['compile']
}

let started: { readonly about: Started; readonly failures: Failures } | undefined

/**
 * Registers TensorFlow.js's WebGPU backend on the fastest adapter, with errors as exceptions. Takes a new device if the last one
 * was lost, or lost commands.
 * @param options.software also accept an adapter that computes on the processor
 * @throws SelfsupError if there is no adapter, or only a software one that is not accepted
 */
export async function startWebgpu({ software }: { readonly software: boolean }): Promise<Started> {
  if (started && !started.failures.broken) return started.about
  const { gpu } = (globalThis as { navigator?: { gpu?: GPU } }).navigator ?? {}
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw new SelfsupError('the browser offers no GPU', { code: 'unsupported' })
  const { info } = adapter
  const name = info.description || info.device || [info.vendor, info.architecture].join(' ').trim() || 'GPU'
  const isSoftware =
    info.isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(`${info.architecture} ${name}`)
  if (isSoftware && !software)
    throw new SelfsupError(`WebGPU has a software adapter only (${name})`, { code: 'unsupported' })
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu')
  const found = { adapter, name, software: isSoftware }
  const device = await requestDevice(found)
  const failures = listenTo(device)
  const backend = new WebGPUBackend(device, adapter.info)
  Object.assign(backend, { isUsingGpuDevice: !isSoftware })
  guard(backend, failures)
  if (tf.engine().registryFactory.webgpu) tf.removeBackend('webgpu')
  tf.registerBackend('webgpu', () => backend, 0)
  const features = describeAdapter(found).features.join(', ')
  const kind = isSoftware ? 'software, ' : ''
  const recorder = recorderOf(backend)
  const about: Started = {
    description: `WebGPU, ${kind}${name}${features && `, ${features}`}`,
    gpu: !isSoftware,
    compile: (step, { eager = false } = {}) =>
      eager ? tidyStep(step) : recordedStep(backend, recorder, step),
  }
  started = { about, failures }
  return about
}
