/// <reference types="@webgpu/types" />
import { type TensorTree, tensorTree } from '@selfsup/core'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { tidyStep } from '../compile.js'
import type { CompiledStep } from '../engine.js'
import type { Command, Recorder, Recording } from './recorder.js'

/** Forms of arguments that stay recorded; the least recently used is dropped. */
const MOST_FORMS = 16
/** Commands that are sent together: systems reset a device that works on the same ones for seconds. */
const AT_ONCE = 100

/** A step's commands with fixed buffers for all that goes in and out. */
interface RecordedStep {
  readonly recorder: Recorder
  readonly recording: Recording
  /** buffers of the arguments, in order */
  readonly inputs: readonly GPUBuffer[]
  /** where each variable's value is before and after a run */
  readonly homes: ReadonlyMap<tf.Variable, GPUBuffer>
  readonly outputs: readonly {
    readonly buffer: GPUBuffer
    readonly shape: number[]
    readonly dtype: tf.DataType
  }[]
  readonly result: TensorTree['with']
}

/**
 * Compiles a step for WebGPU: the first call for each form of the arguments runs it and records the commands that the device
 * gets. Later calls only copy the arguments to where the first ones were and repeat the commands: JavaScript does nothing for the
 * operations in between. Variables that the step uses keep their buffers.
 *
 * A step that reads values on the host, draws there, or leaves tensors or new variables behind is not recorded: it runs operation
 * by operation each time.
 */
export function recordedStep<Args extends unknown[], Result extends tf.TensorContainer>(
  backend: WebGPUBackend,
  recorder: Recorder,
  step: (...args: Args) => Result,
): CompiledStep<Args, Result> {
  const plain = tidyStep(step)
  const forms = new Map<string, RecordedStep>()
  const refused = new Set<string>()

  const call = (...args: Args): Result => {
    const nested = recorder.recording || tf.engine().state.gradientDepth > 0
    if (nested || tf.backend() !== (backend as unknown as tf.KernelBackend)) return plain(...args)
    const given = tensorTree(args)
    const known = forms.get(given.form)
    forms.delete(given.form)
    if (known && ![...known.homes.keys()].some(({ isDisposed }) => isDisposed)) {
      forms.set(given.form, known) // the most recently used is last
      return repeat(backend, known, given.tensors) as Result
    }
    known?.recording.release()
    if (refused.has(given.form) || !given.tensors.every(isRecordable)) return plain(...args)
    const { recorded, value } = record(backend, recorder, step, given)
    if (recorded) forms.set(given.form, recorded)
    else refused.add(given.form)
    if (forms.size > MOST_FORMS) drop([...forms.keys()][0]!)
    return value
  }

  function drop(form: string): void {
    forms.get(form)!.recording.release()
    forms.delete(form)
  }

  return Object.defineProperty(
    Object.assign(call, {
      byXla: false,
      compiling: false,
      async prepare() {},
      dispose() {
        for (const form of [...forms.keys()]) drop(form)
      },
    }),
    'captures',
    { get: () => forms.size },
  ) as CompiledStep<Args, Result>
}

/** Runs a step and records it, if its commands can be repeated. */
function record<Args extends unknown[], Result extends tf.TensorContainer>(
  backend: WebGPUBackend,
  recorder: Recorder,
  step: (...args: Args) => Result,
  given: TensorTree,
): { recorded: RecordedStep | undefined; value: Result } {
  const variables = registered(backend)
  for (const variable of variables) unshare(backend, variable)
  const args = given.tensors.map((tensor) => copied(backend, bufferOf(backend, tensor.dataId), tensor))
  const inputs = args.map(({ dataId }) => bufferOf(backend, dataId))
  const { random } = Math
  let reason: string | undefined
  try {
    const { recording, result } = recorder.record((recording) => {
      const homes = new Map(variables.map((variable) => [variable, bufferOf(backend, variable.dataId)]))
      for (const buffer of [...inputs, ...homes.values()]) recording.own(buffer)
      const before = tf.memory().numTensors
      Math.random = () => {
        reason ??= 'it draws on the host'
        return random()
      }
      const returned = tensorTree(tf.tidy(() => step(...(given.with(args) as Args))))
      Math.random = random
      if (tf.memory().numTensors !== before + returned.tensors.length) reason ??= 'it leaves tensors behind'
      if (registered(backend).some((variable) => !homes.has(variable)) || variables.some((v) => v.isDisposed))
        reason ??= 'it creates or disposes of variables'
      const outputs = returned.tensors.map(({ dataId, shape, dtype }) => {
        const buffer = bufferOf(backend, dataId)
        // What is about to change is copied first.
        const changes = inputs.includes(buffer) || [...homes.values()].includes(buffer)
        return { buffer: changes ? duplicate(backend, recording, buffer) : buffer, shape, dtype }
      })
      const moved = [...homes].filter(
        ([variable, home]) => !variable.isDisposed && bufferOf(backend, variable.dataId) !== home,
      )
      bringHome(backend, recorder, recording, moved)
      return { outputs, returned, homes, moved }
    })
    const { outputs, returned, homes, moved } = result
    const value = returned.with(outputs.map((output) => copied(backend, output.buffer, output))) as Result
    tf.dispose(returned.tensors.filter((tensor) => !(tensor instanceof tf.Variable)))
    recorder.flush()
    reason ??= recording.refused
    if (reason) {
      recording.release()
      return { recorded: undefined, value }
    }
    const assigned = new Set(moved.map(([variable]) => variable))
    for (const [variable, home] of homes) {
      if (recording.touched.has(home) || assigned.has(variable)) continue
      recording.disown(home)
      homes.delete(variable)
    }
    return { recorded: { recorder, recording, inputs, homes, outputs, result: returned.with }, value }
  } finally {
    Math.random = random
    tf.dispose(args)
  }
}

/** Repeats a recorded step with other arguments. */
function repeat(backend: WebGPUBackend, step: RecordedStep, args: readonly tf.Tensor[]): unknown {
  const { recorder, recording, inputs, homes, outputs, result } = step
  const moved = [...homes].filter(([variable, home]) => bufferOf(backend, variable.dataId) !== home)
  bringHome(backend, recorder, recording, moved)
  for (const [i, { dataId }] of args.entries()) write(backend, dataId, inputs[i]!)
  encode(backend, recorder, recording.commands)
  const results = outputs.map((output) => copied(backend, output.buffer, output))
  recorder.flush()
  return result(results)
}

function encode(backend: WebGPUBackend, recorder: Recorder, commands: readonly Command[]): void {
  let encoder = encoderOf(backend)
  let pass: GPUComputePassEncoder | undefined
  const endPass = () => {
    pass?.end()
    pass = undefined
  }
  for (const [i, command] of commands.entries()) {
    if (i % AT_ONCE === AT_ONCE - 1) {
      endPass()
      recorder.flush()
      encoder = encoderOf(backend)
    }
    if ('copy' in command) {
      endPass()
      encoder.copyBufferToBuffer(...command.copy)
      continue
    }
    pass ??= encoder.beginComputePass()
    pass.setPipeline(command.pipeline)
    pass.setBindGroup(0, command.group)
    pass.dispatchWorkgroups(...command.workgroups)
  }
  endPass()
}

/** Copies the values of variables to where the recorded commands expect them, and gives the variables these buffers. */
function bringHome(
  backend: WebGPUBackend,
  recorder: Recorder,
  recording: Recording,
  moved: readonly (readonly [tf.Variable, GPUBuffer])[],
): void {
  if (moved.length === 0) return
  const changing = new Set(moved.map(([, home]) => home))
  const sources = moved.map(([{ dataId }]) => {
    const source = bufferOf(backend, dataId)
    return changing.has(source) ? duplicate(backend, recording, source) : source
  })
  for (const [i, [, home]] of moved.entries()) copy(backend, sources[i]!, home)
  recorder.flush() // after this no tensor that was disposed of has these buffers
  for (const [variable, home] of moved) {
    recording.inUse(home)
    const tensor = tensorOn(backend, home, variable)
    variable.assign(tensor)
    tensor.dispose()
  }
}

/** A copy in a buffer of the recording. */
function duplicate(backend: WebGPUBackend, recording: Recording, buffer: GPUBuffer): GPUBuffer {
  const made = recording.makeBuffer(buffer.size)
  copy(backend, buffer, made)
  return made
}

/** Gives a variable that shares its values with another tensor its own. */
function unshare(backend: WebGPUBackend, variable: tf.Variable): void {
  if (backend.refCount(variable.dataId) < 2) return
  const own = copied(backend, bufferOf(backend, variable.dataId), variable)
  variable.assign(own)
  own.dispose()
}

/** A tensor with a buffer's values in a buffer of its own. */
function copied(
  backend: WebGPUBackend,
  source: GPUBuffer,
  like: Pick<tf.Tensor, 'shape' | 'dtype'>,
): tf.Tensor {
  const target = backend.bufferManager.acquireBuffer(source.size, source.usage)
  copy(backend, source, target)
  return tensorOn(backend, target, like)
}

function tensorOn(
  backend: WebGPUBackend,
  buffer: GPUBuffer,
  { shape, dtype }: Pick<tf.Tensor, 'shape' | 'dtype'>,
): tf.Tensor {
  const info = backend.makeTensorInfo(shape, dtype)
  backend.tensorMap.get(info.dataId).resource = buffer
  return tf.engine().makeTensorFromTensorInfo(info)
}

/** Writes a tensor's values to a buffer. */
function write(backend: WebGPUBackend, dataId: tf.DataId, target: GPUBuffer): void {
  const { values, resource, dtype } = backend.tensorMap.get(dataId)
  if (resource || !values) copy(backend, bufferOf(backend, dataId), target)
  // Earlier runs, which use the buffer too, were sent to the device before.
  else {
    const words =
      dtype === 'float32' ? Float32Array.from(values as Float32Array) : Int32Array.from(values as Int32Array)
    backend.device.queue.writeBuffer(target, 0, words)
  }
}

function copy(backend: WebGPUBackend, from: GPUBuffer, to: GPUBuffer): void {
  encoderOf(backend).copyBufferToBuffer(from, 0, to, 0, from.size)
}

/** The encoder of commands outside of a pass. */
function encoderOf(backend: WebGPUBackend): GPUCommandEncoder {
  backend.ensureCommandEncoderReady()
  backend.endComputePassEncoder()
  return (backend as unknown as { commandEncoder: GPUCommandEncoder }).commandEncoder
}

function bufferOf(backend: WebGPUBackend, dataId: tf.DataId): GPUBuffer {
  const { resource } = backend.tensorMap.get(dataId)
  if (!resource) backend.uploadToGPU(dataId)
  return (resource ?? backend.tensorMap.get(dataId).resource) as GPUBuffer
}

/** Variables whose values are with this backend: asking for others would move them here. */
function registered({ tensorMap }: WebGPUBackend): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables).filter(
    (variable) => isRecordable(variable) && tensorMap.has(variable.dataId),
  )
}

function isRecordable({ dtype, size }: tf.Tensor): boolean {
  return size > 0 && (dtype === 'float32' || dtype === 'int32' || dtype === 'bool')
}
