export { type OnnxOptions, toOnnx } from './onnx/to-onnx.js'
export { type TorchWeights, torchWeights } from './torch-weights.js'
