import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SelfsupError } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { findPretrained } from './find-pretrained.js'
import adaptedKernels from './fixtures/channels.json' with { type: 'json' }
import { adaptInputKernel } from './input-channels.js'
import { loadPretrained } from './load-pretrained.js'

const models = fileURLToPath(new URL('./fixtures/models', import.meta.url))
type Header = Record<string, { shape: number[]; dtype: string; data_offsets: [number, number] }>

/** A copy of a model whose header is changed. */
async function changed(name: string, change: (header: Header) => void): Promise<string> {
  const file = readFileSync(join(models, name, 'model.safetensors'))
  const length = Number(file.readBigUInt64LE())
  const header = JSON.parse(file.subarray(8, 8 + length).toString()) as Header
  change(header)
  const text = Buffer.from(JSON.stringify(header))
  const start = Buffer.alloc(8)
  start.writeBigUInt64LE(BigInt(text.length))
  const folder = join(temporaryFolder(), name)
  await mkdir(folder)
  await writeFile(join(folder, 'model.safetensors'), Buffer.concat([start, text, file.subarray(8 + length)]))
  await writeFile(join(folder, 'config.json'), readFileSync(join(models, name, 'config.json')))
  return folder
}

function rename(header: Header, from: string, to: string): void {
  header[to] = header[from]!
  delete header[from]
}

/** A first kernel of the same size that reads one channel. */
function greyKernel(header: Header): void {
  const kernel = header['conv1.weight']!
  kernel.shape = [kernel.shape[0]!, 1, 7, 21]
}

describe('weights that do not fit are named with their shapes, and nothing is left in memory', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
  })
  const name = 'transformers-dinov2'
  const query = 'encoder.layer.1.attention.attention.query.weight'

  test.each<[string, (header: Header) => void, string[]]>([
    [
      'missing and left over',
      (header) => rename(header, query, 'encoder.layer.1.attention.attention.queri.weight'),
      [
        `vitTiny: ${query} is missing, expected [16,16]; encoder.layer.1.attention.attention.queri.weight [16,16] is left over`,
      ],
    ],
    [
      'of another shape',
      (header) => {
        header['encoder.layer.0.mlp.fc2.weight']!.shape = [64, 16]
      },
      ['encoder.layer.0.mlp.fc2.weight has shape [64,16], expected [16,64]'],
    ],
    [
      'positions of a grid that is not square',
      (header) => {
        header['embeddings.position_embeddings']!.shape = [2, 5, 16]
      },
      ['embeddings.position_embeddings has shape [2,5,16], expected [1, a square number of patches + 1, 16]'],
    ],
    [
      'of another architecture',
      (header) => rename(header, 'embeddings.patch_embeddings.projection.weight', 'visual.conv1.weight'),
      ['contains none of the networks that can be read', 'vision transformer'],
    ],
  ])('%s', async (_, change, messages) => {
    const folder = await changed(name, change)
    const before = tf.memory().numTensors
    const error = await loadPretrained(await findPretrained(folder), { size: 24 }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(SelfsupError)
    const { message } = error as SelfsupError
    for (const part of [folder, ...messages]) expect(message).toContain(part)
    expect(tf.memory().numTensors).toBe(before)
  })

  test.each([1, 2, 4, 5, 13])(
    'images of %i channels: the first kernel as timm adapts it',
    async (channels) => {
      const { shape, kernel, channels: adapted } = adaptedKernels
      const own = adaptInputKernel(
        new Float32Array(kernel),
        shape as [number, number, number, number],
        channels,
      )
      expect([...own]).toEqual([...new Float32Array(adapted[String(channels) as keyof typeof adapted])])
      const files = await findPretrained(join(models, 'torchvision-resnet-bottleneck'))
      const [rgb, other] = [
        await loadPretrained(files, { size: 32 }),
        await loadPretrained(files, { size: 32, channels }),
      ]
      expect(other.preprocessing).toMatchObject({ size: 32, channels })
      expect(other.preprocessing.normalisation.mean).toHaveLength(channels)
      tf.tidy(() => {
        // The summed kernel sees a grey image as the network of colours does.
        const grey = tf.randomNormal([1, 32, 32, 1], 0, 1, 'float32', 3)
        const of = (model: typeof rgb.model, count: number) =>
          model.predict(tf.tile(grey, [1, 1, 1, count])) as tf.Tensor
        const difference = tf.max(tf.abs(tf.sub(of(other.model, channels), of(rgb.model, 3))))
        if (channels === 1) expect(difference.dataSync()[0]).toBeLessThan(1e-4)
        else expect(of(other.model, channels).shape).toEqual(of(rgb.model, 3).shape)
      })
      for (const { model } of [rgb, other]) model.dispose()
    },
  )

  test('weights for one channel do not fit images of three', async () => {
    const files = await findPretrained(await changed('torchvision-resnet-bottleneck', greyKernel))
    await expect(loadPretrained(files, { size: 32, channels: 3 })).rejects.toThrow(
      'takes images of 1 channel; got images of 3',
    )
  })

  test('a size that is not a multiple of the patch', async () => {
    const files = await findPretrained(join(models, name))
    await expect(loadPretrained(files, { size: 30 })).rejects.toThrow(
      'has patches of 8 pixels: the size of the images must be a multiple of 8; got 30; choose 24 or 32',
    )
  })

  test('heads that follow from nothing', async () => {
    const weights = join(models, 'meta-dinov2', 'dinov2_tiny14_pretrain.pth')
    await expect(loadPretrained(await findPretrained(weights))).rejects.toThrow(
      'the number of attention heads does not follow from the weights; put config.json of the model next to the file',
    )
  })

  test('a folder with several files, without one, and an unknown name', async () => {
    const folder = temporaryFolder()
    await expect(findPretrained(folder)).rejects.toThrow('contains no weights')
    for (const file of ['a.pth', 'b.pth']) await writeFile(join(folder, file), '')
    await expect(findPretrained(folder)).rejects.toThrow('several files of weights: a.pth, b.pth')
    await expect(findPretrained('dinov2-smal')).rejects.toThrow('dinov2-small')
  })

  test('DINOv3 by name: its licence, and where to get the weights', async () => {
    const error = (await findPretrained('dinov3-small').catch((e: unknown) => e)) as SelfsupError
    expect(error.problem).toContain('DINOv3 License')
    expect(error.fix).toContain('hf:facebook/dinov3-vits16-pretrain-lvd1689m with your token in HF_TOKEN')
  })
})
