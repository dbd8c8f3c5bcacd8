// Kernels of WebGPU, ours: time, dispatches, bytes of the buffers that they bind and copy, memory.
import { measureKernels } from './kernel-cases.mjs'

await measureKernels('ours')
