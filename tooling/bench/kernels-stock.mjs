// The same, composed of the operations of TensorFlow.js's own backend.
import { measureKernels } from './kernel-cases.mjs'

await measureKernels('stock')
