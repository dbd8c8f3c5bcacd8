/**
 * Counts dispatches, and the bytes of all buffers that they bind and of copies.
 * @param {GPUDevice} device
 */
export function count(device) {
  const counts = { dispatches: 0, bytes: 0, reset: () => Object.assign(counts, { dispatches: 0, bytes: 0 }) }
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
