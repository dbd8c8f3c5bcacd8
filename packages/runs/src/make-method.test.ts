import { encoderOf, type Method, type MethodDefinition } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test, vi } from 'vitest'
import { disposeMethod, makeMethod } from './make-method.js'

/** A method whose backbone sees the lightness of one quarter of the image; its features are those of all quarters. */
const quarters: MethodDefinition = {
  name: 'quarters',
  summary: '',
  paper: '',
  options: { parts: { type: 'number', default: 2, min: 1, integer: true, description: '' } },
  training: () => {
    throw new Error('not trained here')
  },
  backboneInput: ({ size }, { parts }) => ({ size: size / Number(parts), channels: 1 }),
  create(backbone, options, context): Method {
    const { size } = context!.imageShape!
    return {
      name: 'quarters',
      options: options as Record<string, number>,
      networks: { backbone },
      state: {},
      crops: [],
      views: ({ images }) => images!,
      loss: () => ({ loss: tf.scalar(0) }),
      encode(images) {
        const rows = tf.split(tf.mean(images, 3, true), 2, 1)
        const parts = rows.flatMap((row) => tf.split(row, size / backbone.inputs[0]!.shape[1]!, 2))
        return tf.concat(
          parts.map((part) => backbone.apply(part) as tf.Tensor2D),
          1,
        )
      },
      dispose() {},
    }
  },
}

/** The same method with a backbone of its own. */
const own: MethodDefinition = {
  ...quarters,
  name: 'own',
  backbone: 'means',
  ownBackbone({ size }, { parts }) {
    const shape = [size / Number(parts), size / Number(parts), 1]
    return tfl.sequential({ layers: [tfl.layers.globalAveragePooling2d({ inputShape: shape })] })
  },
}

vi.mock('./registry.js', () => ({
  findMethod: async (name: string) => (name === 'own' ? own : quarters),
  isMethod: () => true,
}))
beforeAll(() => prepareEngine({ engine: 'wasm' }))

test('creates the backbone with the input that the method needs, and resolves the options', async () => {
  const method = await makeMethod({
    method: 'quarters',
    options: {},
    imageShape: { size: 16, channels: 3 },
    backbone: 'convnet',
    seed: 1,
  })
  expect(method.options).toEqual({ parts: 2 })
  expect(method.networks.backbone.inputs[0]!.shape).toEqual([null, 8, 8, 1])
  const features = tf.tidy(() => encoderOf(method)(tf.ones([3, 16, 16, 3])).shape)
  expect(features).toEqual([3, 4 * 256])
  disposeMethod(method)
})

test('a method with several networks can create more backbones of the given name', async () => {
  const create = vi.spyOn(quarters, 'create')
  const imageShape = { size: 16, channels: 3 } as const
  const method = await makeMethod({
    method: 'quarters',
    options: {},
    imageShape,
    backbone: 'convnet',
    seed: 1,
  })
  const other = create.mock.lastCall![2]!.makeBackbone!({ size: 8, channels: 2, seed: 5 })
  expect(other.name).toBe('convnet')
  expect(other.inputs[0]!.shape).toEqual([null, 8, 8, 2])
  other.dispose()
  disposeMethod(method)
})

test('a method with its own backbone refuses any other', async () => {
  const config = { method: 'own', options: {}, imageShape: { size: 16, channels: 3 }, seed: 1 }
  const method = await makeMethod({ ...config, backbone: 'means' })
  expect(method.networks.backbone.layers[0]!.getClassName()).toBe('GlobalAveragePooling2D')
  expect(tf.tidy(() => encoderOf(method)(tf.ones([3, 16, 16, 3])).shape)).toEqual([3, 4])
  disposeMethod(method)
  await expect(makeMethod({ ...config, backbone: 'convnet' })).rejects.toThrow(
    "own only works with its own backbone, 'means'; got 'convnet'",
  )
})

test('suggests the nearest name for an unknown name', async () => {
  const config = {
    method: 'quarters',
    options: {},
    imageShape: { size: 16, channels: 3 },
    backbone: 'convnt',
    seed: 1,
  } as const
  await expect(makeMethod(config)).rejects.toThrow("unknown backbone 'convnt'; did you mean 'convnet'?")
  await expect(makeMethod({ ...config, options: { part: 2 } })).rejects.toThrow("did you mean 'parts'?")
})
