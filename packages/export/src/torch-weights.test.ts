import { backboneFromRecipe, convnet, findBackbone, visionTransformer } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import names from './fixtures/names.json' with { type: 'json' }
import realShapes from './fixtures/names-of-students.json' with { type: 'json' }
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

test.each([
  ['mobilenet-v3-small', 'timm', { epsilon: 1e-5 }],
  ['mobilenet-v3-small', 'torchvision', {}],
  ['mobilenet-v3-large', 'torchvision', {}],
  ['convnext-tiny', 'timm', { widths: [8, 8, 8, 8] }],
] as const)('%s has the names and shapes of %s', async (name, library, options) => {
  const model = backboneFromRecipe({ name, options: { size: 224, ...options } })
  const { names, tensors } = await torchWeights(model)
  expect(names).toBe(library)
  const wanted = Object.entries(
    (realShapes as Record<string, Record<string, number[]>>)[`${name} ${library}`]!,
  )
  const ofBackbone = wanted.filter(([key]) => !/^(conv_head|classifier|head\.fc)\b/.test(key))
  // ConvNeXt has few channels here: its own take ten seconds to draw.
  const narrow = ([key, shape]: readonly [string, readonly number[]]) =>
    'widths' in options ? [key, shape.length] : [key, shape]
  expect(Object.fromEntries(Object.entries(tensors).map(([key, { shape }]) => narrow([key, shape])))).toEqual(
    Object.fromEntries(ofBackbone.map(narrow)),
  )
  model.dispose()
})

test('a vision transformer with rotary positions has the names of timm’s Eva, with one matrix for queries, keys and values', async () => {
  const model = visionTransformer(
    'vit',
    { size: 8, patchSize: 4, registers: 2, layerScale: 0.1, positions: 'rotary' },
    { width: 8, depth: 1, heads: 2 },
  )
  const kernel = (part: string) =>
    model.getLayer(`block1/attention/${part}`).getWeights()[0]!.arraySync() as number[][]
  const { tensors } = await torchWeights(model)
  expect(Object.fromEntries(Object.entries(tensors).map(([key, { shape }]) => [key, shape]))).toEqual({
    cls_token: [1, 1, 8],
    reg_token: [1, 2, 8],
    'patch_embed.proj.weight': [8, 3, 4, 4],
    'patch_embed.proj.bias': [8],
    'blocks.0.norm1.weight': [8],
    'blocks.0.norm1.bias': [8],
    'blocks.0.attn.qkv.weight': [24, 8],
    'blocks.0.attn.q_bias': [8],
    'blocks.0.attn.v_bias': [8],
    'blocks.0.attn.proj.weight': [8, 8],
    'blocks.0.attn.proj.bias': [8],
    'blocks.0.gamma_1': [8],
    'blocks.0.norm2.weight': [8],
    'blocks.0.norm2.bias': [8],
    'blocks.0.mlp.fc1.weight': [32, 8],
    'blocks.0.mlp.fc1.bias': [32],
    'blocks.0.mlp.fc2.weight': [8, 32],
    'blocks.0.mlp.fc2.bias': [8],
    'blocks.0.gamma_2': [8],
    'norm.weight': [8],
    'norm.bias': [8],
  })
  const { values } = tensors['blocks.0.attn.qkv.weight']!
  for (const [i, part] of ['query', 'key', 'value'].entries())
    expect(values[i * 64 + 3 * 8 + 2]).toBe(kernel(part)[2]![3])
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
