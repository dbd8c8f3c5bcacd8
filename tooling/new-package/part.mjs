// What a new package of plain functions is made of.
import { camel } from './names.mjs'

/** @param {string} name */
export function partPackage(name) {
  const call = camel(name)
  const manifest = {
    description: 'One sentence: what it is',
    keywords: ['self-supervised-learning', 'tensorflowjs', name],
    dependencies: { '@selfsup/core': 'workspace:^' },
    peerDependencies: { '@tensorflow/tfjs-core': '^4.22.0' },
    devDependencies: {
      '@selfsup/engine': 'workspace:^',
      '@tensorflow/tfjs-core': 'catalog:',
      '@tensorflow/tfjs-layers': 'catalog:',
    },
  }
  const files = {
    'src/index.ts': `export { ${call} } from './${name}.js'\n`,
    [`src/${name}.ts`]: `import { assertRank } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * One sentence; here: the mean of all rows (authors, year, equation).
 * @param x [batch, features]
 * @returns [features]
 * @throws ShapeError if x is not a matrix
 */
export function ${call}(x: tf.Tensor2D): tf.Tensor1D {
  assertRank('${call}', 'x', x, 2, '[batch, features]')
  return tf.mean(x, 0)
}
`,
    [`src/${name}.test.ts`]: `import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { ${call} } from './${name}.js'

describe.each(testEngines())('${call} on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('is the mean of the rows and leaves nothing else behind', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const before = tf.memory().numTensors
    const mean = ${call}(x)
    expect([...mean.dataSync()]).toEqual([2, 3])
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([x, mean])
  })

  test('an x that is not a matrix is an error', () => {
    const x = tf.tensor1d([1])
    expect(() => ${call}(x as unknown as tf.Tensor2D)).toThrow('x must be [batch, features]; got [1]')
    x.dispose()
  })
})
`,
    'README.md': `# @selfsup/${name}

One sentence: what it is.

\`\`\`sh
npm install @selfsup/${name} @tensorflow/tfjs-core
\`\`\`

\`\`\`ts
import { prepareEngine } from '@selfsup/engine'
import { ${call} } from '@selfsup/${name}'
import * as tf from '@tensorflow/tfjs-core'

await prepareEngine()
${call}(tf.tensor2d([1, 2, 3, 4], [2, 2])).print() // [2, 3]
\`\`\`
`,
  }
  return { files, manifest }
}
