import type { Method } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { stepMemory } from '@selfsup/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { automaticBackbone, automaticBatch, automaticSize } from './automatic-settings.js'
import { defaultNormalisation } from './default-normalisation.js'
import { disposeMethod, makeMethod } from './make-method.js'
import { findMethod } from './registry.js'

const on = (name: 'tensorflow' | 'wasm' | 'cpu', gpu = false) => ({ engine: { name, gpu } })

describe('the size of the network’s input', () => {
  test.each([
    ['small images of one size', { imageSize: [28, 28] as const }, on('tensorflow'), undefined, 32],
    ['large images on a GPU', {}, on('tensorflow', true), 1000, 224],
    ['large images on processors', {}, on('tensorflow'), 1000, 96],
    ['large images on WebAssembly', {}, on('wasm'), 1000, 64],
    ['images of about 70 pixels', {}, on('tensorflow', true), 70, 64],
    ['tiny images of several sizes', {}, on('tensorflow'), 9, 16],
    ['images of unknown size', {}, on('tensorflow'), undefined, 96],
  ])('%s', (_, dataset, resources, median, size) => {
    expect(automaticSize(dataset, resources, median)).toBe(size)
  })
})

test('the network is ResNet-18, a small one on slow engines or with little memory, and a method’s own always', () => {
  const gigabytes = (memory: number) => memory * 1e9
  expect(automaticBackbone({}, { ...on('tensorflow'), memory: gigabytes(8) })).toBe('resnet18')
  expect(automaticBackbone({}, { ...on('tensorflow'), memory: gigabytes(2) })).toBe('convnet')
  expect(automaticBackbone({}, { ...on('tensorflow', true), memory: gigabytes(2) })).toBe('resnet18')
  expect(automaticBackbone({}, { ...on('wasm'), memory: gigabytes(64) })).toBe('convnet')
  expect(automaticBackbone({ backbone: 'vit-tiny' }, { ...on('wasm'), memory: gigabytes(64) })).toBe(
    'vit-tiny',
  )
})

describe('the batch size', () => {
  let method: Method
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
    method = await makeMethod({
      method: 'simclr',
      options: {},
      imageShape: { size: 64, channels: 3 },
      normalisation: await defaultNormalisation(3),
      backbone: 'convnet',
      seed: 1,
    })
  })
  afterAll(() => disposeMethod(method))

  const large = { ...on('tensorflow'), memory: 64e9 }
  test.each([
    [50_000, 256],
    [1024, 256],
    [1000, 128],
    [360, 64],
    [63, 16],
    [20, 16],
    [10, 8],
    [3, 2],
  ])('%i images: %i', async (length, batch) => {
    expect(await automaticBatch(method, { recommended: 256, length }, large)).toBe(batch)
  })

  test('the step fits into half of the memory, and into WebAssembly’s', async () => {
    const batch = (name: 'tensorflow' | 'wasm' | 'cpu', memory: number) =>
      automaticBatch(method, { recommended: 256, length: 50_000 }, { ...on(name), memory })
    expect(await batch('tensorflow', 2e9)).toBe(64)
    expect(stepMemory(method, 64, 'tensorflow')).toBeLessThan(1e9)
    expect(stepMemory(method, 128, 'tensorflow')).toBeGreaterThan(1e9)
    // Measured: batches of 128 need 2.8 GB on WebAssembly, those of 256 more than there is.
    // Batches of 128 take 17 s there, during which nothing else happens: 16 take seconds.
    expect(await batch('wasm', 64e9)).toBe(16)
    expect(await batch('cpu', 64e9)).toBe(16)
    expect(await batch('wasm', 0.6e9)).toBeLessThan(8)
    expect(stepMemory(method, 128, 'wasm')).toBeGreaterThan(2.8e9)
  })

  test('a method’s own limits are kept', async () => {
    const limited = { ...method, needs: { batchSize: { min: 24, multipleOf: 12 } } }
    expect(await automaticBatch(limited, { recommended: 256, length: 360 }, large)).toBe(60)
    expect(await automaticBatch(limited, { recommended: 256, length: 20 }, large)).toBe(24)
  })
})

// Methods of patches, at the smallest automatic size of large images.
test.each(['relative-patch', 'jigsaw', 'mae'])(
  '%s can be created with the automatic size of WebAssembly',
  async (name) => {
    const definition = await findMethod(name)
    const method = await makeMethod({
      method: name,
      options: {},
      imageShape: { size: automaticSize({}, on('wasm')), channels: 3 },
      normalisation: await defaultNormalisation(3),
      backbone: automaticBackbone(definition, { ...on('wasm'), memory: 8e9 }),
      seed: 1,
    })
    expect(stepMemory(method, 2, 'wasm')).toBeGreaterThan(stepMemory(method, 1, 'wasm'))
    disposeMethod(method)
  },
)
