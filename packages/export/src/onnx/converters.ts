import { activation, elu, leakyRelu, relu, rescaling, softmax } from './activations.js'
import { convolution, depthwise, globalPooling, pooling } from './convolutions.js'
import type { Converter } from './layer.js'
import { batchNormalisation, elementwise, identity, layerNormalisation } from './normalisations.js'
import { concatenate, cropping, dense, dot, flatten, permute, reshape, zeroPadding } from './shapes.js'

/** How each kind of layer is written, by the layer's class. Layers of @selfsup/backbones have the classes of TensorFlow.js. */
export const converters: Readonly<Record<string, Converter>> = {
  Conv2D: convolution,
  DepthwiseConv2D: depthwise,
  Dense: dense,
  BatchNormalization: batchNormalisation,
  LayerNormalization: layerNormalisation,
  Activation: activation,
  ReLU: relu,
  LeakyReLU: leakyRelu,
  ELU: elu,
  Softmax: softmax,
  Rescaling: rescaling,
  MaxPooling2D: pooling,
  AveragePooling2D: pooling,
  GlobalAveragePooling2D: globalPooling,
  GlobalMaxPooling2D: globalPooling,
  ZeroPadding2D: zeroPadding,
  Cropping2D: cropping,
  Reshape: reshape,
  Flatten: flatten,
  Permute: permute,
  Concatenate: concatenate,
  Add: elementwise('Add'),
  Subtract: elementwise('Sub'),
  Multiply: elementwise('Mul'),
  Average: elementwise('Mean'),
  Maximum: elementwise('Max'),
  Minimum: elementwise('Min'),
  Dot: dot,
  Dropout: identity,
  SpatialDropout1D: identity,
  GaussianDropout: identity,
  GaussianNoise: identity,
  AlphaDropout: identity,
  InputLayer: identity,
}
