// The same step, composed of the operations of TensorFlow.js's own backend.
import { measureStep } from './webgpu-step.mjs'

await measureStep('stock')
