import { convnet, findBackbone } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import names from './fixtures/names.json' with { type: 'json' }
import { torchWeights } from './index.js'

beforeAll(() => prepareEngine())

// Weights that are not drawn are made in no time; only their names and shapes matter here.
test.each([
  ['resnet18', 'torchvision'],
  ['vit-tiny', 'timm'],
] as const)('%s has the names and shapes of %s', async (name, library) => {
  const model = findBackbone(name).create({ size: 224, channels: 3 })
  const made = await torchWeights(model)
  expect(made.names).toBe(library)
  expect(Object.fromEntries(Object.entries(made.tensors).map(([key, { shape }]) => [key, shape]))).toEqual(
    names[name],
  )
  for (const { shape, values } of Object.values(made.tensors))
    expect(values.length).toBe(shape.reduce((product, side) => product * side, 1))
  model.dispose()
})

test('other networks keep the names of their layers; kernels are laid out as PyTorch’s', async () => {
  const input = tfl.input({ shape: [4, 4, 2] })
  const conv = tfl.layers.conv2d({ name: 'a/conv', filters: 3, kernelSize: [1, 2] })
  const pool = tfl.layers.globalAveragePooling2d({})
  const dense = tfl.layers.dense({ name: 'b/linear', units: 2 })
  const outputs = dense.apply(pool.apply(conv.apply(input))) as tfl.SymbolicTensor
  const model = tfl.model({ inputs: input, outputs })
  // Each value tells its place: height, width, in, out; in, out.
  const place = (...shape: number[]) =>
    tf.tidy(() => {
      const size = shape.reduce((product, side) => product * side, 1)
      return tf.reshape(tf.range(0, size), shape)
    })
  const kernels = [place(1, 2, 2, 3), place(3, 2)]
  conv.setWeights([kernels[0]!, tf.tensor1d([7, 8, 9])])
  dense.setWeights([kernels[1]!, tf.tensor1d([5, 6])])
  const { names, tensors } = await torchWeights(model)
  expect(names).toBe('own')
  expect(Object.keys(tensors)).toEqual(['a.conv.weight', 'a.conv.bias', 'b.linear.weight', 'b.linear.bias'])
  expect(tensors['a.conv.weight']).toMatchObject({ shape: [3, 2, 1, 2] })
  // The first filter, input 0 at both positions, then input 1: places 0 and 6, 3 and 9.
  expect([...tensors['a.conv.weight']!.values.slice(0, 4)]).toEqual([0, 6, 3, 9])
  expect(tensors['b.linear.weight']).toMatchObject({ shape: [2, 3] })
  expect([...tensors['b.linear.weight']!.values]).toEqual([0, 2, 4, 1, 3, 5])
  expect([...tensors['b.linear.bias']!.values]).toEqual([5, 6])
  model.dispose()
})

test('the running statistics of a batch normalisation keep PyTorch’s names', async () => {
  const model = convnet({ size: 8, widths: [2] })
  const { tensors } = await torchWeights(model)
  expect(Object.keys(tensors)).toEqual([
    'stage1.conv.weight',
    'stage1.bn.weight',
    'stage1.bn.bias',
    'stage1.bn.running_mean',
    'stage1.bn.running_var',
  ])
  model.dispose()
})
