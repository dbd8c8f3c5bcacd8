// Kernels of WebGPU, ours: time, dispatches, and bytes of the buffers that they bind and copy.
import { measureKernels } from './kernel-cases.mjs'

await measureKernels('ours')
