/// <reference types="@webgpu/types" />
import { SelfsupError } from '@selfsup/core'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { util } from '@tensorflow/tfjs-core'
import { deviceLost, type Failures } from './failures.js'

/** Private parts of TensorFlow.js's backend that are replaced here. */
interface Internals {
  pipelineCache: Record<string, unknown>
  commandEncoder: GPUCommandEncoder | null
  /** for kernels that record their own programs */
  checkFailures?(doing: string): void
  recordAndSubmit(program: Program, ...rest: readonly unknown[]): void
}

interface Program {
  readonly shaderKey: string
  readonly constructor: { readonly name: string }
}

/**
 * Makes a backend report errors: WebGPU's own are events, after which commands do nothing and tensors read as zeros. From
 * now on they are exceptions of the operation that caused them, and so are buffers beyond the device's limits and a device
 * that is lost.
 */
export function guard(backend: WebGPUBackend, failures: Failures): void {
  const internals = backend as unknown as Internals
  const { recordAndSubmit } = internals
  const { submitQueue, getBufferData } = backend

  internals.checkFailures = (doing) => failures.check(doing)
  // Called when the pipeline is there and nothing is recorded yet: what was recorded before stays valid.
  internals.recordAndSubmit = (program, ...rest) => {
    try {
      failures.check(program.constructor.name)
    } catch (error) {
      delete internals.pipelineCache[program.shaderKey]
      throw error
    }
    recordAndSubmit.call(backend, program, ...rest)
  }
  backend.submitQueue = () => {
    submitQueue.call(backend)
    failures.checkCommands('commands')
  }
  backend.getBufferData = async (buffer) => {
    try {
      const values = await getBufferData.call(backend, buffer)
      failures.checkCommands('reading')
      return values
    } catch (error) {
      failures.checkCommands('reading')
      if (error instanceof SelfsupError) throw error
      throw (await isLost(backend.device)) ? deviceLost('') : error
    }
  }
  withoutCopies(backend)
  limitBuffers(backend, failures)
}

/**
 * Reads values without keeping them on the host, where TensorFlow.js would take them for the tensor's: meanwhile the tensor may be
 * disposed of, or an optimiser may have changed it in place.
 */
function withoutCopies(backend: WebGPUBackend): void {
  const { read } = backend
  backend.read = async (dataId) => {
    const { values, dtype, resource } = backend.tensorMap.get(dataId)
    if (values || dtype === 'string' || dtype === 'complex64') return read.call(backend, dataId)
    const data = await backend.getBufferData(resource as GPUBuffer)
    return util.convertBackendValuesAndArrayBuffer(data, dtype)
  }
}

async function isLost(device: GPUDevice): Promise<boolean> {
  return Promise.race([
    device.lost.then(() => true),
    new Promise<boolean>((no) => setTimeout(no, 100, false)),
  ])
}

function limitBuffers({ bufferManager, device }: WebGPUBackend, failures: Failures): void {
  const { acquireBuffer } = bufferManager
  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits
  bufferManager.acquireBuffer = (size, usage, ...rest) => {
    const bound = (usage & GPUBufferUsage.STORAGE) !== 0
    for (const [name, limit] of Object.entries({
      maxBufferSize,
      ...(bound && { maxStorageBufferBindingSize }),
    })) {
      if (size <= limit) continue
      throw new SelfsupError(
        `a tensor of ${mebibytes(size)} is beyond the WebGPU device's ${name} of ${mebibytes(limit)}`,
        { code: 'device-limit', fix: 'choose a smaller batch or smaller images' },
      )
    }
    failures.checkCommands('commands')
    const buffer = acquireBuffer.call(bufferManager, size, usage, ...rest)
    failures.check('a buffer')
    return buffer
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}

/**
 * Makes `dataSync` work where there is no canvas, in Node: the buffer is mapped, and the device's events run until it is. As
 * `withoutCopies`, it keeps no values on the host.
 * @param processEvents runs the events of the device
 */
export function readSynchronously(
  backend: WebGPUBackend,
  failures: Failures,
  processEvents: () => void,
): void {
  const internals = backend as unknown as Internals
  const { readSync } = backend
  backend.readSync = (dataId) => {
    const data = backend.tensorMap.get(dataId)
    if (data.values || data.dtype === 'string' || data.dtype === 'complex64') {
      return readSync.call(backend, dataId)
    }
    const source = data.resource as GPUBuffer
    const { size } = source
    const staging = backend.bufferManager.acquireBuffer(
      size,
      GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    )
    backend.ensureCommandEncoderReady()
    backend.endComputePassEncoder()
    internals.commandEncoder!.copyBufferToBuffer(source, 0, staging, 0, size)
    backend.submitQueue()
    const mapping = staging.mapAsync(GPUMapMode.READ)
    mapping.catch(() => {}) // reported below
    const pause = new Int32Array(new SharedArrayBuffer(4))
    for (let tries = 0; staging.mapState === 'pending'; tries++) {
      processEvents()
      if (tries > 10) Atomics.wait(pause, 0, 0, 1) // leaves the processor to a software device
    }
    failures.checkCommands('reading')
    if (staging.mapState !== 'mapped') throw deviceLost('')
    const bytes = staging.getMappedRange().slice(0)
    staging.unmap()
    backend.bufferManager.releaseBuffer(staging)
    const values = data.dtype === 'float32' ? new Float32Array(bytes) : new Int32Array(bytes)
    return data.dtype === 'bool' ? Uint8Array.from(values) : values
  }
}
