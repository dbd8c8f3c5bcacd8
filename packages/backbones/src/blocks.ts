import { hasOwnConvolutions, suitsOwnConvolution } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { BatchNormalization } from './batch-normalization.js'
import type { BackboneOptions } from './input.js'
import { LayerNormalization } from './layer-normalization.js'

/** A symbolic tensor: the output of a layer in a model under construction. */
export type Node = tfl.SymbolicTensor

/** Applies a layer to a node. */
export function through(layer: tfl.layers.Layer, node: Node): Node {
  return layer.apply(node) as Node
}

/**
 * Convolution without bias, padded on all sides by half the kernel, as PyTorch's `padding=k//2`. If
 * TensorFlow's 'same' would pad only at the end (stride 2 on even sizes), a separate layer pads.
 */
export function convolution(
  node: Node,
  name: string,
  filters: number,
  kernelSize: number,
  strides = 1,
): Node {
  const pad = Math.floor(kernelSize / 2)
  const explicit = strides > 1 && pad > 0
  const suits = suitsOwnConvolution(node.shape.at(-1)!, filters, kernelSize)
  const padded = explicit ? through(paddingOf(`${name}/pad`, pad, suits), node) : node
  const padding = explicit ? 'valid' : 'same'
  const layer = tfl.layers.conv2d({
    name,
    filters,
    kernelSize,
    strides,
    padding,
    useBias: false,
    kernelInitializer: 'zeros',
  })
  // The layer's own call is a fused operation, which also computes the unneeded gradient of the input images.
  layer.call = (inputs) => {
    const kernel = layer.weights[0]!.read() as tf.Tensor4D
    const pads = explicit && suits && hasOwnConvolutions() ? around(pad) : padding
    return tf.conv2d(only(inputs) as tf.Tensor4D, kernel, strides, pads)
  }
  return through(layer, padded)
}

/**
 * Depthwise convolution: one filter for each channel, padded on all sides by half the kernel, as PyTorch's `groups=channels`. If
 * TensorFlow's 'same' would pad only at the end (stride 2 on even sizes), a separate layer pads.
 */
export function depthwiseConvolution(
  node: Node,
  name: string,
  kernelSize: number,
  { strides = 1, bias = false }: { readonly strides?: number; readonly bias?: boolean } = {},
): Node {
  const explicit = strides > 1
  const padded = explicit ? through(paddingOf(`${name}/pad`, Math.floor(kernelSize / 2), false), node) : node
  const layer = tfl.layers.depthwiseConv2d({
    name,
    kernelSize,
    strides,
    padding: explicit ? 'valid' : 'same',
    useBias: bias,
    depthwiseInitializer: 'zeros',
  })
  return through(layer, padded)
}

/** A zero padding layer. It does nothing if our own convolution follows, which pads without an extra pass over memory. */
function paddingOf(name: string, pad: number, suits: boolean): tfl.layers.Layer {
  const sides: [number, number] = [pad, pad]
  const layer = tfl.layers.zeroPadding2d({ name, padding: [sides, sides] })
  const call = layer.call.bind(layer)
  layer.call = (inputs, settings) =>
    suits && hasOwnConvolutions() ? tf.clone(only(inputs)) : call(inputs, settings)
  return layer
}

function around(pad: number): [[number, number], [number, number], [number, number], [number, number]] {
  return [
    [0, 0],
    [pad, pad],
    [pad, pad],
    [0, 0],
  ]
}

function only(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0]! : inputs
}

/**
 * Batch normalisation with PyTorch's defaults: epsilon 1e-5 (unless given), momentum 0.1 (0.9 in TensorFlow's convention). With `norm`
 * 'layer': layer normalisation over the channels of each position, which mixes neither images nor positions.
 */
export function normalisation(
  node: Node,
  name: string,
  zeroInit = false,
  norm: BackboneOptions['norm'] = 'batch',
  epsilon = 1e-5,
): Node {
  if (norm === 'layer') {
    const layer = new LayerNormalization({ name: name.replace(/bn$/, 'ln'), epsilon, zeroInit })
    return through(layer, node)
  }
  return through(new BatchNormalization({ name, zeroInit, epsilon }), node)
}

/**
 * Freezes scale and shift of normalisations. For a new model, whose scales are 1 and shifts 0, this removes their effect;
 * a trained model keeps its current values. Running statistics are still updated.
 * @param names names of the layers; default all normalisations of the model
 * @returns the model
 */
export function withoutAffine(model: tfl.LayersModel, names?: readonly string[]): tfl.LayersModel {
  for (const layer of model.layers) {
    const normalises = layer instanceof BatchNormalization || layer instanceof LayerNormalization
    if (normalises && (!names || names.includes(layer.name))) layer.trainable = false
  }
  return model
}

/** Rectified linear unit. */
export function relu(node: Node, name: string): Node {
  return through(tfl.layers.activation({ name, activation: 'relu' }), node)
}

/** Leaky ReLU with slope 0.2 for negative values, as in DCGAN's discriminator. */
export function leakyRelu(node: Node, name: string): Node {
  return through(tfl.layers.leakyReLU({ name, alpha: 0.2 }), node)
}

/**
 * Normalisation and ReLU. The model contains two layers; with batch normalisation, the first computes both in one
 * operation.
 */
export function normalisationRelu(
  node: Node,
  name: string,
  reluName: string,
  norm: BackboneOptions['norm'] = 'batch',
  epsilon = 1e-5,
): Node {
  if (norm === 'layer') return relu(normalisation(node, name, false, norm), reluName)
  const layer = tfl.layers.activation({ name: reluName, activation: 'relu' })
  layer.call = (inputs) => tf.clone(only(inputs))
  return through(layer, through(new BatchNormalization({ name, rectify: true, epsilon }), node))
}

/** Convolution, batch (or layer) normalisation, ReLU. */
export function convBnRelu(
  node: Node,
  name: string,
  filters: number,
  kernelSize: number,
  strides = 1,
  norm: BackboneOptions['norm'] = 'batch',
): Node {
  const convolved = convolution(node, `${name}/conv`, filters, kernelSize, strides)
  return normalisationRelu(convolved, `${name}/bn`, `${name}/relu`, norm)
}

/** Adds a residual branch and its shortcut. */
export function sum(a: Node, b: Node, name: string): Node {
  return tfl.layers.add({ name }).apply([a, b]) as Node
}

/** Mean over height and width: [batch, height, width, channels] to [batch, channels]. */
export function globalAverage(node: Node, name = 'pool'): Node {
  return through(tfl.layers.globalAveragePooling2d({ name, dataFormat: 'channelsLast' }), node)
}
