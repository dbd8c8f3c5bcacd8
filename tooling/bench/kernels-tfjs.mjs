// The same with TensorFlow.js's own kernels and its operations in place of ours.
import { measureKernels } from './kernel-cases.mjs'

await measureKernels('stock')
