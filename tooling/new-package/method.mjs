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
    'src/index.ts': `export { ${call}, definition } from './${name}.js'\nexport type { ${type}Options } from './options.js'\n`,
    [`src/${name}.ts`]: `import { chooseTwoViews, simclrRecipe } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { ifAuto, type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import * as losses from '@selfsup/losses'
import type * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { options, training, type ${type}Options } from './options.js'

/**
 * What it is called, one sentence on how it learns (authors, year, arXiv number, algorithm). Here: two views of each
 * image, their features correlated to the identity.
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
  const { hidden, outputs, lambda } = options
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const augmentation = chooseTwoViews({ size, channels, normalisation }, options, simclrRecipe)
  const head = projector({ inputs, hidden: ifAuto(hidden, inputs), outputs, seed: seed + 1 })
  return {
    name: '${name}',
    options,
    definition,
    networks: { backbone, projector: head },
    state: {},
    normalisation: augmentation.normalisation,
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
  training: () => training,
  create: ${call},
}
`,
    'src/options.ts': `import { blurOption, minScaleOption, simclrRecipe, viewsOption } from '@selfsup/augment'
import type { OptionValues, TrainingDefaults } from '@selfsup/core'

export const options = {
  outputs: {
    type: 'number',
    default: 128,
    min: 2,
    integer: true,
    description: 'features that the loss compares',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    description: 'units of the projector’s hidden layer; auto: as many as the backbone’s features',
  },
  lambda: {
    type: 'number',
    default: 0.005,
    min: 0,
    description: 'weight of the redundancy term',
  },
  views: viewsOption,
  blur: blurOption(simclrRecipe),
  minScale: minScaleOption(simclrRecipe),
} as const

export type ${type}Options = Partial<OptionValues<typeof options>>

/** How the paper trains, as far as one machine can. */
export const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.06,
  scaling: 'linear',
  schedule: { name: 'cosine' },
  optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
}
`,
    [`src/${name}.test.ts`]: `import { convnet } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { ${call}, definition } from './${name}.js'

// What every method must hold: seeds, memory, grey and colour images, options, checkpoints, compiled steps, learning.
testMethod(definition, { options: { outputs: 8 } })

describe.each(testEngines())('${call} on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('the loss is that of the paper, of the projected features', () => {
    const backbone = convnet({ widths: [4, 8], size: 16 })
    const method = ${call}(backbone, { outputs: 8 })
    tf.tidy(() => {
      const views = method.views(imageBatch(4), stepOf())
      const [z1, z2] = views.map((x) => {
        const h = backbone.apply(x, { training: true }) as tf.Tensor
        return method.networks.projector!.apply(h, { training: true })
      }) as [tf.Tensor2D, tf.Tensor2D]
      const { loss } = method.loss(views, stepOf())
      expect(loss.dataSync()[0]).toBeCloseTo(losses.barlowTwins(z1, z2).dataSync()[0]!, 3)
    })
    method.dispose()
    backbone.dispose()
  })
})
`,
    'README.md': `# @selfsup/${name}

One sentence: how the method trains on images without labels (authors, year, arXiv number).

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

const images = shapes({ size: 16, count: 64 }) // or: await openImages('images')
await train(method, images, { out: 'runs/shapes', engine, epochs: 1, batchSize: 32, learningRate: 0.06 })
\`\`\`

| option                      | default |                                                                                           |
| --------------------------- | ------- | ----------------------------------------------------------------------------------------- |
| \`outputs\`                   | 128     | features that the loss compares                                                           |
| \`hidden\`                    | \`auto\`  | units of the projector's hidden layer: as many as the backbone's features                 |
| \`lambda\`                    | 0.005   | weight of the redundancy term                                                             |
| \`views\`, \`blur\`, \`minScale\` | \`auto\`  | \`colour\`, \`gray\` or \`anyOrientation\`; probability of blur: 0 up to 64 pixels; smallest crop |
`,
  }
  return { files, manifest }
}
