import { resnet18 } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import { simclr } from '@selfsup/simclr'
import { findTensorflow, TensorflowBackend } from '@selfsup/tensorflow'
import { trainingStep } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test, vi } from 'vitest'

// What XLA receives for a GPU, whose tensor cores compute convolutions in bfloat16 with channels last.
describe.runIf(findTensorflow()?.source === 'selfsup')(
  'the graph of a SimCLR step with a ResNet by XLA',
  () => {
    test('has channels last, bfloat16 between convolutions, and converts each weight once', async () => {
      const engine = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'on' })
      const backend = tf.backend() as TensorflowBackend
      const backbone = resnet18({ size: 16, widths: [8, 8, 16, 16], stem: 'cifar' })
      const method = simclr(backbone, { hidden: 16, outputs: 8 })
      // Only captured: compiling takes long.
      vi.spyOn(backend.functions, 'compileMeanwhile').mockReturnValue(new Promise(() => {}))
      const graphs: (readonly string[])[] = []
      backend.functions.onCapture = (nodes) => {
        if (backend.byXla) graphs.push(nodes)
      }
      const layouts = new Set<unknown>()
      const execute = TensorflowBackend.prototype.executeMultipleOutputs
      vi.spyOn(TensorflowBackend.prototype, 'executeMultipleOutputs').mockImplementation(function (
        this: TensorflowBackend,
        name,
        attributes,
        ...rest
      ) {
        for (const attribute of attributes) if (attribute.name === 'data_format') layouts.add(attribute.value)
        return execute.call(this, name, attributes, ...rest)
      })
      const byXla: typeof engine = {
        ...engine,
        compile: (step, options) => engine.compile(step, { ...options, xla: 'auto' }),
      }
      const step = trainingStep(method, { name: 'sgd', momentum: 0.9 }, byXla, { steps: 1e5 })
      const batch = {
        images: tf.fill([4, 16, 16, 3], 9, 'int32') as tf.Tensor4D,
        labels: tf.fill([4], -1, 'int32') as tf.Tensor1D,
        indices: tf.range(0, 4, 1, 'int32'),
      }
      const inputs = {
        seed: tf.tensor1d([1, 2], 'int32'),
        learningRate: tf.scalar(0.1),
        highestRate: tf.scalar(0.1),
        progress: tf.scalar(0),
        epoch: tf.scalar(0),
      }
      step.run(batch, inputs)
      const nodes = graphs.at(-1)! // the first is of the function that initialises XLA
      const of = (pattern: RegExp) => nodes.filter((node) => pattern.test(node))

      expect([...layouts]).toEqual(['NHWC'])
      expect(of(/^Transpose bfloat16/)).toEqual([])
      expect(of(/^Transpose \w+ \[8,\d+,\d+,\d+\]/)).toEqual([]) // activations of both views
      // 20 convolutions of the network; those of the views' blur are products of no weight.
      expect(of(/^Conv2D bfloat16/)).toHaveLength(20)
      expect(of(/^Conv2DBackpropInput bfloat16/)).toHaveLength(19)
      expect(of(/^Conv2DBackpropFilter bfloat16/)).toHaveLength(20)
      // Weights of convolutions and of the two dense layers, once each. A dense layer multiplies as a batch of one.
      const kernels = [backbone, method.networks.projector!].flatMap(({ trainableWeights }) =>
        trainableWeights.flatMap(({ shape }) =>
          shape.length > 2 ? [shape] : shape.length === 2 ? [[1, ...shape]] : [],
        ),
      )
      expect(kernels).toHaveLength(22)
      for (const shape of new Set(kernels.map(String))) {
        const count = kernels.filter((other) => String(other) === shape).length
        expect(
          nodes.filter((node) => node === `Cast bfloat16 [${shape}]`),
          shape,
        ).toHaveLength(count)
      }
      // Activations of both views are converted where the images enter, and around the mean at the end and its gradient; not between.
      const side = /^Cast \w+ \[8,(?!1,)\d+,\d+,(?!1\])\d+\]/
      expect(of(side).sort()).toEqual([
        'Cast bfloat16 [8,16,16,3]',
        'Cast bfloat16 [8,2,2,16]',
        'Cast float32 [8,2,2,16]',
      ])
    })
  },
)
