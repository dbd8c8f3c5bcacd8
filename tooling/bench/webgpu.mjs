// A step of SimCLR on WebGPU with our kernels, recorded and repeated.
import { measureStep } from './webgpu-step.mjs'

await measureStep('ours')
