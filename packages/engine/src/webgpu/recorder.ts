/// <reference types="@webgpu/types" />
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import type { DataId } from '@tensorflow/tfjs-core'

/** One command on the device. */
export type Command =
  | {
      readonly pipeline: GPUComputePipeline
      readonly group: GPUBindGroup
      readonly workgroups: readonly [number, number, number]
    }
  | { readonly copy: Parameters<GPUCommandEncoder['copyBufferToBuffer']> }

/** Commands that were recorded while they ran, and the buffers that belong to them alone. */
export interface Recording {
  readonly commands: readonly Command[]
  /** all buffers that programs were given */
  readonly touched: ReadonlySet<GPUBuffer>
  /** why the commands cannot stand for what was computed, if so: values were read on the host */
  readonly refused: string | undefined
  /** Takes over a buffer: from now on only the commands change its contents, whatever becomes of its tensor. */
  own(buffer: GPUBuffer): void
  /** Leaves a buffer to its tensor again. */
  disown(buffer: GPUBuffer): void
  /** A new buffer of its own. */
  makeBuffer(size: number): GPUBuffer
  /** Says that a tensor has the buffer again. */
  inUse(buffer: GPUBuffer): void
  /** Gives all buffers back, but those of tensors that are still there. */
  release(): void
}

/** Records what a backend sends to its device. */
export interface Recorder {
  /** whether something is being recorded now */
  readonly recording: boolean
  /** Sends the device what was encoded until now. */
  flush(): void
  /** Runs `body` and records its commands, which run too. */
  record<Result>(body: (recording: Recording) => Result): { recording: Recording; result: Result }
}

/** Private parts of TensorFlow.js's backend that are used here. */
interface Internals {
  commandEncoder: GPUCommandEncoder | null
  uniformPendingDisposal: GPUBuffer[]
  makeUniforms(uniforms: readonly Uniform[]): { readonly buffer: GPUBuffer }
}

interface Uniform {
  readonly type: string
  readonly data: readonly number[]
}

/** Tensors' buffers. */
const usageOfTensors = () => GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST

/** Uniform buffers that are kept, by their contents: small, and the same in every step. */
const MOST_UNIFORMS = 4096

/** Makes a backend's commands recordable, and keeps its uniform buffers. Call it once. */
export function recorderOf(backend: WebGPUBackend): Recorder {
  const internals = backend as unknown as Internals
  const { bufferManager, uploadToGPU, ensureCommandEncoderReady } = backend
  const acquire = bufferManager.acquireBuffer.bind(bufferManager)
  const release = bufferManager.releaseBuffer.bind(bufferManager)
  const owned = new OwnedBuffers()
  let current: BuffersOfRecording | undefined

  keepUniforms(internals)
  bufferManager.acquireBuffer = (size, usage, mappedAtCreation, reuse) => {
    if (!current || (usage & (GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM)) === 0)
      return acquire(size, usage, mappedAtCreation, reuse)
    // What the host writes is written once: its buffer may not be used for anything else.
    const written = mappedAtCreation === true || (usage & GPUBufferUsage.UNIFORM) !== 0
    const recycled = written ? undefined : current.recycle(size, usage)
    if (recycled) return recycled
    const buffer = acquire(size, usage, mappedAtCreation, reuse)
    current.take(buffer, written)
    return buffer
  }
  bufferManager.releaseBuffer = (buffer, reuse) => {
    if (owned.owners.has(buffer)) owned.idle.add(buffer)
    else release(buffer, reuse)
  }
  backend.uploadToGPU = (dataId: DataId) => {
    uploadToGPU.call(backend, dataId)
    if (current) current.touch(backend.tensorMap.get(dataId).resource as GPUBuffer)
  }
  backend.ensureCommandEncoderReady = () => {
    if (internals.commandEncoder) return
    ensureCommandEncoderReady.call(backend)
    if (current) internals.commandEncoder = recorded(internals.commandEncoder!, current)
  }

  function flush(): void {
    backend.endComputePassEncoder()
    if (internals.commandEncoder) backend.submitQueue()
  }

  return {
    get recording() {
      return current !== undefined
    },
    flush,
    record(body) {
      flush()
      const recording = new BuffersOfRecording(owned, acquire, release)
      current = recording
      try {
        const result = body(recording)
        flush()
        return { recording, result }
      } catch (error) {
        current = undefined
        recording.release()
        throw error
      } finally {
        current = undefined
      }
    },
  }
}

/** Buffers that belong to recordings. */
class OwnedBuffers {
  readonly owners = new Map<GPUBuffer, Set<Recording>>()
  /** those that no tensor has */
  readonly idle = new Set<GPUBuffer>()
}

class BuffersOfRecording implements Recording {
  readonly commands: Command[] = []
  readonly touched = new Set<GPUBuffer>()
  refused: string | undefined
  private readonly mine = new Set<GPUBuffer>()
  /** buffers whose contents must stay until the next run */
  private readonly fixed = new Set<GPUBuffer>()

  constructor(
    private readonly all: OwnedBuffers,
    private readonly acquire: (size: number, usage: number) => GPUBuffer,
    private readonly giveBack: (buffer: GPUBuffer) => void,
  ) {}

  own(buffer: GPUBuffer): void {
    this.take(buffer, true)
  }

  /** What the step did not make keeps its contents. */
  touch(buffer: GPUBuffer): void {
    this.touched.add(buffer)
    if (!this.mine.has(buffer)) this.own(buffer)
  }

  take(buffer: GPUBuffer, fixed: boolean): void {
    const owners = this.all.owners.get(buffer) ?? new Set()
    this.all.owners.set(buffer, owners.add(this))
    this.mine.add(buffer)
    if (fixed) this.fixed.add(buffer)
  }

  disown(buffer: GPUBuffer): void {
    const owners = this.all.owners.get(buffer)
    this.mine.delete(buffer)
    if (!owners?.delete(this) || owners.size > 0) return
    this.all.owners.delete(buffer)
    if (this.all.idle.delete(buffer)) this.giveBack(buffer)
  }

  inUse(buffer: GPUBuffer): void {
    this.all.idle.delete(buffer)
  }

  makeBuffer(size: number): GPUBuffer {
    const buffer = this.acquire(size, usageOfTensors())
    this.own(buffer)
    this.all.idle.add(buffer) // no tensor has it
    return buffer
  }

  recycle(size: number, usage: number): GPUBuffer | undefined {
    for (const buffer of this.all.idle) {
      const suits = buffer.size === size && buffer.usage === usage
      if (!suits || !this.mine.has(buffer) || this.fixed.has(buffer)) continue
      this.all.idle.delete(buffer)
      return buffer
    }
    return undefined
  }

  release(): void {
    for (const buffer of [...this.mine]) this.disown(buffer)
  }
}

/** An encoder that also writes down what it is given. */
function recorded(encoder: GPUCommandEncoder, recording: BuffersOfRecording): GPUCommandEncoder {
  const own: Partial<Record<string | symbol, unknown>> = {
    beginComputePass(descriptor?: GPUComputePassDescriptor) {
      const pass = encoder.beginComputePass(descriptor)
      let pipeline: GPUComputePipeline
      let group: GPUBindGroup
      return {
        setPipeline(given: GPUComputePipeline) {
          pipeline = given
          pass.setPipeline(given)
        },
        setBindGroup(index: number, given: GPUBindGroup) {
          group = given
          pass.setBindGroup(index, given)
        },
        dispatchWorkgroups(x: number, y = 1, z = 1) {
          recording.commands.push({ pipeline, group, workgroups: [x, y, z] })
          pass.dispatchWorkgroups(x, y, z)
        },
        end: () => pass.end(),
      }
    },
    copyBufferToBuffer(from: GPUBuffer, start: number, to: GPUBuffer, at: number, size: number) {
      encoder.copyBufferToBuffer(from, start, to, at, size)
      if ((to.usage & GPUBufferUsage.MAP_READ) !== 0) recording.refused ??= 'it reads values on the host'
      // What came from the host is there to stay.
      else if ((from.usage & GPUBufferUsage.MAP_WRITE) === 0)
        recording.commands.push({ copy: [from, start, to, at, size] })
    },
  }
  return new Proxy(encoder, {
    get(target, name) {
      const value = own[name] ?? Reflect.get(target, name)
      return typeof value === 'function' && !own[name] ? value.bind(target) : value
    },
  })
}

/** Keeps uniform buffers by their contents, in place of writing new ones for every run of a program. */
function keepUniforms(internals: Internals): void {
  const { makeUniforms } = internals
  const kept = new Map<string, ReturnType<Internals['makeUniforms']>>()
  internals.makeUniforms = (uniforms) => {
    const key = uniforms.map(({ type, data }) => `${type}${data}`).join()
    const known = kept.get(key)
    if (known) return known
    const made = makeUniforms.call(internals, uniforms)
    if (kept.size >= MOST_UNIFORMS) return made
    internals.uniformPendingDisposal.pop()
    kept.set(key, made)
    return made
  }
}
