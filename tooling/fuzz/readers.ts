import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { ImageDataset } from '@selfsup/core'
import { decode, factsOf, measure, thumbnail } from '../../packages/data/src/decode.js'
import { openImages } from '../../packages/data/src/open-images.js'
import { readFeatures } from '../../packages/data/src/read-features.js'
import { imageFacts, imageValues } from '../../packages/data/src/reading/value-source.js'
import { smallJpegDecoder } from '../../packages/data/src/small-jpeg.js'
import { readFeatures as readKeptFeatures } from '../../packages/evaluation/src/feature-cache.js'
import tensors from '../../packages/pretrained/src/fixtures/tensors.json' with { type: 'json' }
import { describePretrained } from '../../packages/pretrained/src/load-pretrained.js'
import { readWeights } from '../../packages/pretrained/src/read-weights.js'
import { RunReader } from '../../packages/report/src/run-reader.js'
import { loadExported } from '../../packages/runs/src/exported-model.js'
import { unpackWheel } from '../../packages/tensorflow/src/unpack.js'
import { readCheckpoint } from '../../packages/train/src/checkpoint.js'
import { readSafetensors } from '../../packages/train/src/safetensors.js'
import { checkpoint, formatSamples, idx, image, npy, tarOf, withChecksums } from './samples.js'

/** A reader of untrusted files. */
export interface Reader {
  /** valid files, by the name under which the reader expects them */
  samples(): Promise<readonly (readonly [name: string, content: Buffer])[]>
  /** Reads a mutated file. The result is ignored; an error must be a SelfsupError. */
  read(folder: string, name: string, content: Buffer): Promise<unknown>
  /** Valid files in the same folder. */
  neighbours?(): Promise<Readonly<Record<string, Buffer>>>
  /** Corrects checksums; called for half of the mutated files, because a wrong checksum hides all other changes. */
  repair?(content: Buffer): Buffer
}

async function walk(dataset: ImageDataset): Promise<void> {
  try {
    for await (const _ of dataset.batches({ batchSize: 64, size: 16 }));
  } finally {
    await dataset.close()
  }
}

const open = async (folder: string, name: string) =>
  walk(await openImages(join(folder, name), { cacheFolder: join(folder, 'cache') }))

/** Opens a folder as a dataset: errors of decoders become reasons for skipping a file, and a folder without images is a SelfsupError. */
async function openFolder(folder: string): Promise<void> {
  await walk(await openImages(folder, { cacheFolder: join(folder, '.cache') }))
}

const cifarRecords = (label: number, names: number) =>
  Buffer.concat(Array.from({ length: 3 }, () => Buffer.alloc(names + 3072, label)))

export const readers: Readonly<Record<string, Reader>> = {
  images: {
    samples: async () =>
      Promise.all(
        (['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const).map(
          async (format, i) => [`a.${format}`, await image(i).toFormat(format).toBuffer()] as const,
        ),
      ),
    async read(folder, _, content) {
      await openFolder(folder).catch((error: Error) => {
        if (error.name !== 'SelfsupError') throw error
      })
      const decodeSmall = await smallJpegDecoder()
      decodeSmall(content, 3)
      // These throw sharp's errors, which do not name the file; callers convert them with reasonOf.
      for (const look of [
        measure,
        factsOf,
        (file: Buffer) => thumbnail(file, 16),
        (file: Buffer) => decode(file, 1),
      ])
        await look(content).catch(() => {})
    },
  },
  // Formats with their own readers, with the values that their own programs wrote (packages/data/src/fixtures/formats.py).
  formats: {
    samples: formatSamples,
    async read(folder, _, content) {
      await openFolder(folder).catch((error: Error) => {
        if (error.name !== 'SelfsupError') throw error
      })
      for (const reading of [{ bands: 'all' }, { page: 'all', range: 'image' }, { tile: 4 }] as const)
        await walk(await openImages(folder, { cacheFolder: join(folder, '.cache'), reading })).catch(
          (error: Error) => {
            if (error.name !== 'SelfsupError') throw error
          },
        )
      // These throw decoders' errors, which do not name the file; callers convert them with reasonOf.
      await imageFacts(content).catch(() => {})
      await imageValues(content, 0).catch(() => {})
    },
  },
  'progressive-jpeg': {
    samples: async () => [
      ['a.jpg', await image(3, 200).jpeg({ progressive: true, quality: 70 }).toBuffer()],
      ['b.jpg', await image(4, 64).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ],
    read: (folder) => openFolder(folder),
  },
  tar: {
    async samples() {
      const jpeg = await image(1, 16).jpeg().toBuffer()
      const files = [0, 1, 2].flatMap(
        (i) =>
          [
            [`a/${'long/'.repeat(i * 15)}${i}.jpg`, jpeg],
            [
              `a/${'long/'.repeat(i * 15)}${i}.${i === 1 ? 'json' : 'cls'}`,
              Buffer.from(i === 1 ? '{"label": 1}' : `${i}`),
            ],
          ] as const,
      )
      return [
        ['ustar.tar', tarOf(files.slice(0, 4), 'ustar')],
        ['pax.tar', tarOf(files, 'pax')],
        ['base256.tar', tarOf(files.slice(0, 4), 'base256')],
      ]
    },
    read: open,
    repair: withChecksums,
  },
  idx: {
    samples: async () => [
      ['train-images-idx3-ubyte', idx([6, 5, 4])],
      ['train-images-idx3-ubyte.gz', gzipSync(idx([6, 5, 4]))],
      ['train-labels-idx1-ubyte', idx([6])],
    ],
    neighbours: async () => ({ 'train-images-idx3-ubyte': idx([6, 5, 4]) }),
    read: (folder) => open(folder, ''),
  },
  cifar: {
    samples: async () => [
      ['data_batch_1.bin', cifarRecords(1, 1)],
      ['batches.meta.txt', Buffer.from('plane\ncar\nbird\n')],
      ['train.bin', cifarRecords(1, 2)],
    ],
    neighbours: async () => ({ 'data_batch_1.bin': cifarRecords(1, 1) }),
    read: (folder) => open(folder, ''),
  },
  npy: {
    samples: async () => [
      ['x.npy', npy(5, 7)],
      ['x.npy', npy(3, 4, '<f8')],
      [
        'x.json',
        Buffer.from(
          '{"labels":[1,0,-1,2,2],"classes":["a","b","c"],"paths":["a","b","c","d","e"],"values":{"size":[1.5,null,3,4,5]}}',
        ),
      ],
    ],
    neighbours: async () => ({ 'x.npy': npy(5, 7) }),
    read: (folder) => readFeatures(join(folder, 'x.npy')),
  },
  features: {
    samples: async () => [
      [
        'x.features',
        Buffer.concat([
          Buffer.from('selfsup-features-1\n{"count":3,"width":2,"classes":["a"]}    \n'),
          Buffer.alloc(48),
        ]),
      ],
    ],
    read: (folder, name) => readKeptFeatures(join(folder, name)),
  },
  safetensors: {
    samples: async () => [['x.safetensors', await checkpoint(1)]],
    read: (folder, name) => readSafetensors(join(folder, name)),
  },
  checkpoint: {
    samples: async () => [
      ['step-00000012.safetensors', await checkpoint(1)],
      ['step-00000012.safetensors', await checkpoint(2)],
    ],
    read: (folder, name) => readCheckpoint(join(folder, name)),
  },
  model: {
    async samples() {
      const layer = {
        class_name: 'Dense',
        config: {
          name: 'd',
          units: 2,
          activation: 'linear',
          use_bias: true,
          batch_input_shape: [null, 3],
          dtype: 'float32',
        },
      }
      const weights = [
        { name: 'd/kernel', shape: [3, 2], dtype: 'float32' },
        { name: 'd/bias', shape: [2], dtype: 'float32' },
      ]
      const model = {
        format: 'layers-model',
        modelTopology: {
          class_name: 'Sequential',
          config: { name: 's', layers: [layer] },
          keras_version: 'tfjs',
          backend: 'tfjs',
        },
        weightsManifest: [{ paths: ['weights.bin'], weights }],
      }
      return [
        ['model.json', Buffer.from(JSON.stringify(model))],
        ['weights.bin', Buffer.alloc(32, 1)],
      ]
    },
    async neighbours() {
      return Object.fromEntries(await this.samples())
    },
    async read(folder) {
      const tf = await import('@tensorflow/tfjs-core')
      await import('@tensorflow/tfjs-backend-cpu')
      await tf.setBackend('cpu')
      ;(await loadExported(folder)).dispose()
    },
  },
  run: {
    samples: async () => [
      [
        'config.json',
        Buffer.from(
          JSON.stringify({
            formatVersion: 2,
            method: 'simclr',
            options: { temperature: 0.2 },
            dataset: { name: 'x', fingerprint: 'x', length: 5, channels: 3 },
            settings: { epochs: 3, batchSize: 4, learningRate: 0.1, optimizer: { name: 'sgd' } },
            stepsPerEpoch: 2,
            config: { backbone: 'resnet18' },
            versions: {},
          }),
        ),
      ],
      [
        'metrics.jsonl',
        Buffer.from(
          '{"step":1,"epoch":0,"loss":2.5,"imagesPerSecond":10}\n{"step":2,"epoch":0,"loss":2.25}\n{"step":3,"epoch":1,"loss":2}\n',
        ),
      ],
      [
        'evaluation/knn.json',
        Buffer.from(
          JSON.stringify({
            version: 1,
            protocol: 'knn',
            title: 'k',
            step: 3,
            options: {},
            images: {
              train: { source: 'a', count: 1, fingerprint: 'x' },
              test: { source: 'a', count: 1, fingerprint: 'x' },
            },
            seconds: 1,
            values: [{ metric: 'accuracy', features: 'pretrained', value: 0.5 }],
          }),
        ),
      ],
      ['checkpoints/step-00000003.safetensors', await checkpoint(2)],
    ],
    async neighbours() {
      return Object.fromEntries(await this.samples())
    },
    async read(folder) {
      const reader = new RunReader(folder, { id: 'x', name: 'x' })
      await reader.update()
      reader.view()
    },
  },
  'pretrained-weights': {
    samples: async () =>
      Object.entries(tensors.files).map(([name, content]) => [`${name}.pth`, Buffer.from(content, 'base64')]),
    async read(folder, name) {
      const file = await readWeights(join(folder, name))
      try {
        for (const tensor of file.tensors.values()) await tensor.read()
      } finally {
        await file.close()
      }
    },
  },
  'pretrained-description': {
    samples: async () => [
      ['config.json', Buffer.from('{"model_type": "dinov2", "num_attention_heads": 6}')],
      [
        'config.json',
        Buffer.from(
          '{"architecture": "x", "pretrained_cfg": {"input_size": [3, 24, 24], "interpolation": "bicubic", "crop_pct": 0.9, "mean": [0.5], "std": [0.5]}}',
        ),
      ],
    ],
    async read(folder, name, content) {
      const weights = join(folder, 'x.pth')
      await writeFile(weights, Buffer.from(tensors.files.zip, 'base64'))
      await describePretrained({ source: 'x', weights, configs: { [name]: content.toString() } })
    },
  },
  wheel: {
    samples: async () => [['x.whl', Buffer.from(zipped, 'base64')]],
    read: (folder, name) =>
      unpackWheel(
        join(folder, name),
        { wanted: (path) => path === 'a.txt', required: ['a.txt'] },
        join(folder, 'unpacked'),
      ),
  },
  // Failures that the fuzzer must report. They do not run by default.
  'self-test-hang': {
    samples: async () => [['x', Buffer.from('1')]],
    read() {
      for (;;);
    },
  },
  'self-test-memory': {
    samples: async () => [['x', Buffer.from('1')]],
    async read() {
      for (const held: Buffer[] = []; ; await new Promise((go) => setTimeout(go, 5)))
        held.push(Buffer.alloc(2 ** 26, 1))
    },
  },
  'self-test-bug': {
    samples: async () => [['x', Buffer.from('1')]],
    async read() {
      throw new TypeError("Cannot read properties of undefined (reading 'x')")
    },
  },
  'self-test-crash': {
    samples: async () => [['x', Buffer.from('1')]],
    async read() {
      process.abort()
    },
  },
}

/** Written with Python: a deflated zip of a.txt (b"hello\n" * 20) and x.dist-info/RECORD with its hash. */
const zipped =
  'UEsDBBQAAAAIAAAAIVBM/FpmCwAAAHgAAAAFAAAAYS50eHTLSM3JyefKoDsJAFBLAwQUAAAACAAAACFQWNr22j8AAAA9AAAAEgAAAHguZGlzdC1pbmZvL1JFQ09SREvUK6ko0SnOSDQyNbMNMc5xS62oyjCJjPItCyhM8vTItyjKzQ8xdC019klxywqq1E0xcim0tCzO1jE0MuACAFBLAQIUAxQAAAAIAAAAIVBM/FpmCwAAAHgAAAAFAAAAAAAAAAAAAACAAQAAAABhLnR4dFBLAQIUAxQAAAAIAAAAIVBY2vbaPwAAAD0AAAASAAAAAAAAAAAAAACAAS4AAAB4LmRpc3QtaW5mby9SRUNPUkRQSwUGAAAAAAIAAgBzAAAAnQAAAAAA'
