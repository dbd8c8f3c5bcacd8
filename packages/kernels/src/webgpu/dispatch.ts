/// <reference types="@webgpu/types" />
import * as tf from '@tensorflow/tfjs-core'
import type { WebgpuBackend } from './webgpu-backend.js'

/** Workgroups of one axis that every device allows. */
const MOST_WORKGROUPS = 65_535

/** Invocations of a workgroup of the kernels in this folder, which every device allows. */
export const WORKGROUP = 64

/** One run of a WGSL program. */
export interface Dispatch {
  /** name in error messages, and in profiles of the device */
  readonly name: string
  /** declares its bindings by `bindings` and has an entry point `main`. Sizes are constants in it: one pipeline for each text */
  readonly code: string
  /** in the order of the bindings; inputs and outputs */
  readonly tensors: readonly tf.TensorInfo[]
  /** number of workgroups; the program finds its own by `GROUP` */
  readonly workgroups: number
}

/** Arguments of an entry point that uses `GROUP` and `LOCAL`. */
export const ARGUMENTS = '@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) local: u32'
/** Number of the workgroup; may be past the last one. */
export const GROUP = `(group_id.y * ${MOST_WORKGROUPS}u + group_id.x)`

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>()

/**
 * Adds a program to the commands of TensorFlow.js's backend.
 * @throws the device's error if it refuses the program and the backend reports errors
 */
export function dispatch(backend: WebgpuBackend, { name, code, tensors, workgroups }: Dispatch): void {
  if (workgroups === 0) return
  for (const { dataId } of tensors) backend.uploadToGPU(dataId)
  const pipeline = pipelineOf(backend, name, code)
  const bindGroup = backend.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: tensors.map(({ dataId }, binding) => ({
      binding,
      resource: { buffer: backend.tensorMap.get(dataId).resource! },
    })),
  })
  for (const { dataId } of tensors) backend.commandQueueOwnedIds.add(dataId)
  backend.ensureCommandEncoderReady()
  backend.computePassEncoder ??= backend.commandEncoder!.beginComputePass()
  const pass = backend.computePassEncoder
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindGroup)
  pass.dispatchWorkgroups(Math.min(workgroups, MOST_WORKGROUPS), Math.ceil(workgroups / MOST_WORKGROUPS))
  backend.dispatchCountInPass++
  if (backend.dispatchCountInPass >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) {
    backend.endComputePassEncoder()
    backend.submitQueue()
  }
}

function pipelineOf(backend: WebgpuBackend, name: string, code: string): GPUComputePipeline {
  const { device } = backend
  const known = pipelines.get(device) ?? new Map<string, GPUComputePipeline>()
  pipelines.set(device, known)
  const found = known.get(code)
  if (found) return found
  const module = device.createShaderModule({ code, label: name })
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module, entryPoint: 'main' },
    label: name,
  })
  backend.checkFailures?.(name)
  known.set(code, pipeline)
  return pipeline
}

/**
 * The type in WGSL of a tensor's values on the device. It may differ from the tensor's: `tf.cast` of integers to floats shares
 * their buffer. Convert what you load, `f32(x[i])`.
 */
export function storedType({ tensorMap }: WebgpuBackend, { dataId }: tf.TensorInfo): 'f32' | 'i32' {
  return typeOf(tensorMap.get(dataId).dtype)
}

/** The type in WGSL of new tensors of a type. */
export function typeOf(dtype: tf.DataType): 'f32' | 'i32' {
  return dtype === 'float32' ? 'f32' : 'i32'
}

/**
 * WGSL declarations of storage buffers, in order.
 * @param declared by name: the element's type, and `=` before it for a buffer that is written
 */
export function bindings(declared: Readonly<Record<string, string>>): string {
  return Object.entries(declared)
    .map(([name, type], binding) => {
      const access = type.startsWith('=') ? 'read_write' : 'read'
      return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${type.replace('=', '')}>;`
    })
    .join('\n')
}

/** WGSL of a program that runs `body` once for each number `i` below `count`. */
export function elementwise(
  declared: Readonly<Record<string, string>>,
  count: number,
  body: string,
  functions = '',
): Pick<Dispatch, 'code' | 'workgroups'> {
  return {
    code: `${bindings(declared)}
${functions}
@compute @workgroup_size(${WORKGROUP})
fn main(${ARGUMENTS}) {
  let i = ${GROUP} * ${WORKGROUP}u + local;
  if (i >= ${count}u) { return; }
  ${body}
}`,
    workgroups: Math.ceil(count / WORKGROUP),
  }
}
