import * as tfl from '@tensorflow/tfjs-layers'
import { BatchNormalization } from './batch-normalization.js'
import type { BackboneOptions } from './input.js'
import { LayerNormalization } from './layer-normalization.js'

/** A place in a model under construction. */
export type Node = tfl.SymbolicTensor

/** Applies a layer to one place. */
export function through(layer: tfl.layers.Layer, node: Node): Node {
  return layer.apply(node) as Node
}

/**
 * Convolution without bias, padded on all sides by half the kernel, as PyTorch's `padding=k//2`: where
 * TensorFlow's 'same' would pad only at the end (stride 2 on even sizes), the padding stands in a layer of its own.
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
  const padded = explicit
    ? through(
        tfl.layers.zeroPadding2d({
          name: `${name}/pad`,
          padding: [
            [pad, pad],
            [pad, pad],
          ],
        }),
        node,
      )
    : node
  return through(
    tfl.layers.conv2d({
      name,
      filters,
      kernelSize,
      strides,
      padding: explicit ? 'valid' : 'same',
      useBias: false,
      kernelInitializer: 'zeros',
    }),
    padded,
  )
}

/**
 * Batch normalisation as PyTorch's: epsilon 1e-5, running averages with momentum 0.1 (0.9 as TensorFlow counts). Or layer
 * normalisation over the channels of each place, which mixes nothing between pictures or places.
 */
export function normalisation(
  node: Node,
  name: string,
  zeroInit = false,
  norm: BackboneOptions['norm'] = 'batch',
): Node {
  if (norm === 'layer') {
    const layer = new LayerNormalization({ name: name.replace(/bn$/, 'ln'), epsilon: 1e-5, zeroInit })
    return through(layer, node)
  }
  return through(new BatchNormalization({ name, zeroInit }), node)
}

/** Rectified linear unit. */
export function relu(node: Node, name: string): Node {
  return through(tfl.layers.activation({ name, activation: 'relu' }), node)
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
  return relu(normalisation(convolved, `${name}/bn`, false, norm), `${name}/relu`)
}

/** The sum of a residual branch and its shortcut. */
export function sum(a: Node, b: Node, name: string): Node {
  return tfl.layers.add({ name }).apply([a, b]) as Node
}

/** Mean over height and width: [batch, height, width, channels] to [batch, channels]. */
export function globalAverage(node: Node, name = 'pool'): Node {
  return through(tfl.layers.globalAveragePooling2d({ name, dataFormat: 'channelsLast' }), node)
}
