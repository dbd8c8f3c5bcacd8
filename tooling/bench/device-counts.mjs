/**
 * The part of TensorFlow.js's WebGPU backend that is watched.
 * @typedef {object} WebgpuBackend
 * @property {GPUDevice} device
 * @property {{
 *   acquireBuffer(size: number, usage: number, ...rest: boolean[]): GPUBuffer
 *   releaseBuffer(buffer: GPUBuffer, ...rest: boolean[]): void
 * }} bufferManager
 */

/**
 * Counts what a backend gives its device: dispatches; the bytes of all buffers that they bind, and twice those of copies; and the
 * most bytes of tensors' buffers that were in use at a time, beyond those in use at `reset`.
 * @param {WebgpuBackend} backend
 */
export function countOn(backend) {
  const { device, bufferManager } = backend
  let [used, usedBefore] = [0, 0]
  const counts = {
    dispatches: 0,
    bytes: 0,
    peak: 0,
    reset() {
      usedBefore = used
      Object.assign(counts, { dispatches: 0, bytes: 0, peak: 0 })
    },
  }
  const { acquireBuffer, releaseBuffer } = bufferManager
  /** @type {WeakSet<GPUBuffer>} */
  const counted = new WeakSet()
  bufferManager.acquireBuffer = (...args) => {
    const buffer = acquireBuffer.apply(bufferManager, args)
    counted.add(buffer)
    used += buffer.size
    counts.peak = Math.max(counts.peak, used - usedBefore)
    return buffer
  }
  bufferManager.releaseBuffer = (buffer, ...rest) => {
    if (counted.delete(buffer)) used -= buffer.size
    releaseBuffer.call(bufferManager, buffer, ...rest)
  }
  /** @type {WeakMap<GPUBindGroup, number>} */
  const sizes = new WeakMap()
  const createBindGroup = device.createBindGroup.bind(device)
  device.createBindGroup = (descriptor) => {
    const group = createBindGroup(descriptor)
    const bound = [...descriptor.entries].map(({ resource }) =>
      'buffer' in resource ? resource.buffer.size : 0,
    )
    sizes.set(
      group,
      bound.reduce((sum, size) => sum + size, 0),
    )
    return group
  }
  const createCommandEncoder = device.createCommandEncoder.bind(device)
  device.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder(descriptor)
    const copy = encoder.copyBufferToBuffer.bind(encoder)
    encoder.copyBufferToBuffer = (/** @type {any[]} */ ...args) => {
      counts.bytes += 2 * Number(args[4])
      return /** @type {any} */ (copy)(...args)
    }
    const beginComputePass = encoder.beginComputePass.bind(encoder)
    encoder.beginComputePass = (descriptor) => {
      const pass = beginComputePass(descriptor)
      let size = 0
      const setBindGroup = pass.setBindGroup.bind(pass)
      const dispatch = pass.dispatchWorkgroups.bind(pass)
      pass.setBindGroup = (/** @type {any[]} */ ...args) => {
        size = sizes.get(args[1]) ?? 0
        return /** @type {any} */ (setBindGroup)(...args)
      }
      pass.dispatchWorkgroups = (...args) => {
        counts.dispatches++
        counts.bytes += size
        return dispatch(...args)
      }
      return pass
    }
    return encoder
  }
  return counts
}
