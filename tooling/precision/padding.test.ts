import { convnet } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import { findTensorflow, type TensorflowBackend } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'

test.runIf(findTensorflow()?.source === 'selfsup')(
  'our convolutions pad for backbones, without a pass that writes zeros',
  async () => {
    process.env.SELFSUP_CONVOLUTIONS = '1' // also on processors where they are not faster
    const engine = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'off' })
    const backend = tf.backend() as TensorflowBackend
    const backbone = convnet({ size: 16, widths: [16, 32, 48], seed: 1 })
    let nodes: readonly string[] = []
    backend.functions.onCapture = (all) => {
      nodes = all
    }
    const images = tf.ones([2, 16, 16, 3])
    const step = engine.compile((x: tf.Tensor) => backbone.apply(x, { training: true }) as tf.Tensor)
    const features = step(images)
    backend.functions.onCapture = undefined
    const count = (name: string) => nodes.filter((node) => node.startsWith(`${name} `)).length
    expect(count('SelfsupConvolution')).toBe(2) // of stride 2; the first has three channels
    expect(count('Conv2D')).toBe(1)
    expect(count('PadV2')).toBe(0)
    step.dispose()
    tf.dispose([images, features])
    backbone.dispose()
  },
)
