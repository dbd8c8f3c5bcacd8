// What a new method is made of: a small one that learns, to be replaced line by line.
import { camel, pascal } from './names.mjs'

/** @param {string} name */
export function methodPackage(name) {
  const call = camel(name)
  const type = pascal(name)
  const manifest = {
    description: 'One sentence: what it learns from',
    keywords: ['self-supervised-learning', 'tensorflowjs', name],
    dependencies: {
      '@selfsup/augment': 'workspace:^',
      '@selfsup/backbones': 'workspace:^',
      '@selfsup/core': 'workspace:^',
      '@selfsup/losses': 'workspace:^',
    },
  }
  const files = {
    'src/index.ts': `export { ${call}, definition, type ${type}Options } from './${name}.js'\n`,
    [`src/${name}.ts`]: `import { grayViews, simclrViews } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import {
  type Method,
  type MethodContext,
  type MethodDefinition,
  type OptionValues,
  resolveOptions,
} from '@selfsup/core'
import * as losses from '@selfsup/losses'
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

const options = {
  outputs: {
    type: 'number',
    default: 128,
    min: 2,
    integer: true,
    description: 'features that the loss compares',
  },
  lambda: {
    type: 'number',
    default: 0.005,
    min: 0,
    description: 'weight of the redundancy term',
  },
} as const

export type ${type}Options = Partial<OptionValues<typeof options>>

/**
 * What it is called, one sentence on how it learns (authors, year, arXiv number, algorithm). Here: two views of each
 * picture, their features correlated to the identity.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's
 * @param context normalisation of the pixels, seed of the projector's weights
 * @returns what the training loop drives
 * @throws SelfsupError when an option is unknown or out of range
 */
export function ${call}(
  backbone: LayersModel,
  given: ${type}Options = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const options = resolveOptions(definition, given)
  const { outputs, lambda } = options
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const augmentation = (channels === 1 ? grayViews : simclrViews)({ size, normalisation })
  const head = projector({ inputs, hidden: inputs, outputs, seed: seed + 1 })
  return {
    name: '${name}',
    options,
    networks: { backbone, projector: head },
    state: {},
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      const [z1, z2] = [x1, x2].map((x) => encode(head, encode(backbone, x))) as [tf.Tensor2D, tf.Tensor2D]
      return { loss: losses.barlowTwins(z1, z2, { lambda }), features: z1 }
    },
    dispose: () => head.dispose(),
  }
}

/** A training pass: batch normalisation takes the batch's statistics. */
function encode(model: LayersModel, x: tf.Tensor): tf.Tensor2D {
  return model.apply(x, { training: true }) as tf.Tensor2D
}

/** How a program finds the method by name. */
export const definition: MethodDefinition<typeof options> = {
  name: '${name}',
  summary: 'a few words: what is made alike or apart',
  paper: 'authors, year, arXiv number',
  options,
  training: () => ({
    epochs: 200,
    batchSize: 256,
    learningRate: 0.06,
    scaling: 'linear',
    schedule: { name: 'cosine' },
    optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
  }),
  create: ${call},
}
`,
    [`src/${name}.test.ts`]: `import { convnet } from '@selfsup/backbones'
import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { ${call}, definition } from './${name}.js'

const step = () => ({
  seed: tf.tensor1d([5, 6], 'int32'),
  progress: tf.scalar(0),
  epoch: tf.scalar(0),
  phase: 'main',
})

function pictures(count: number, channels: 1 | 3 = 3) {
  const values = Int32Array.from(uniforms([1, 2], count * 16 * 16 * channels), (u) => Math.floor(u * 256))
  return {
    images: tf.tensor4d(values, [count, 16, 16, channels], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

describe.each(testEngines())('${call} on %s', (engine) => {
  const small = { widths: [4, 8], size: 16 } as const
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })

  test('the loss is that of the paper, of the projected features', () => {
    const backbone = convnet(small)
    const method = ${call}(backbone, { outputs: 8 })
    tf.tidy(() => {
      const views = method.views(pictures(4), step())
      const [z1, z2] = views.map((x) => {
        const h = backbone.apply(x, { training: true }) as tf.Tensor
        return method.networks.projector!.apply(h, { training: true })
      }) as [tf.Tensor2D, tf.Tensor2D]
      const { loss } = method.loss(views, step())
      expect(loss.dataSync()[0]).toBeCloseTo(losses.barlowTwins(z1, z2).dataSync()[0]!, 3)
    })
    method.dispose()
    backbone.dispose()
  })

  test('a few steps on one batch lower the loss', () => {
    const backbone = convnet(small)
    const method = ${call}(backbone, { outputs: 8 })
    const weights = [backbone, method.networks.projector!].flatMap((model) =>
      model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    )
    const losses = tf.tidy(() => {
      const views = method.views(pictures(16), step())
      return Array.from({ length: 12 }, () => {
        const { value, grads } = tf.variableGrads(() => method.loss(views, step()).loss, weights)
        for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 0.01)))
        return value.dataSync()[0]!
      })
    })
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    method.dispose()
    backbone.dispose()
  })

  test('grey pictures take grey views', () => {
    const backbone = convnet({ ...small, channels: 1 })
    const method = definition.create(backbone, { outputs: 8 }, { seed: 3 })
    tf.tidy(() => {
      const views = method.views(pictures(2, 1), step()) as [tf.Tensor4D, tf.Tensor4D]
      expect(views.map(({ shape }) => shape)).toEqual(Array(2).fill([2, 16, 16, 1]))
    })
    method.dispose()
    backbone.dispose()
  })

  test('options that are out of range are refused', () => {
    const backbone = convnet(small)
    expect(() => ${call}(backbone, { lambda: -1 })).toThrow('lambda must be a number of at least 0; got -1')
    backbone.dispose()
  })
})
`,
    'README.md': `# @selfsup/${name}

One sentence: how it learns from pictures without labels (authors, year, arXiv number).

\`\`\`sh
npm install @selfsup/${name} @selfsup/backbones @selfsup/data @selfsup/engine @selfsup/train \\
  @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-wasm
\`\`\`

\`\`\`ts
import { convnet } from '@selfsup/backbones'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { ${call} } from '@selfsup/${name}'
import { train } from '@selfsup/train'

const engine = await prepareEngine()
const method = ${call}(convnet({ size: 16, widths: [8, 16] }), { outputs: 16 })

const images = shapes({ size: 16, count: 64 }) // or: await openImages('pictures')
await train(method, images, { out: 'runs/shapes', engine, epochs: 1, batchSize: 32, learningRate: 0.06 })
\`\`\`

| option    | default |                                 |
| --------- | ------- | ------------------------------- |
| \`outputs\` | 128     | features that the loss compares |
| \`lambda\`  | 0.005   | weight of the redundancy term   |
`,
  }
  return { files, manifest }
}
