// An empty package that passes all checks: node tooling/new-package/new-package.mjs NAME [ROOT]
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [name, root = fileURLToPath(new URL('../..', import.meta.url))] = process.argv.slice(2)
const fail = (message) => {
  console.error(message)
  process.exit(1)
}
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name ?? '')) {
  fail(
    `usage: pnpm new-package NAME; NAME in lower case with hyphens, such as barlow-twins${name ? `; got '${name}'` : ''}`,
  )
}
const folder = join(root, 'packages', name)
if (existsSync(folder)) fail(`packages/${name} is there already`)

const camel = name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())
const model = JSON.parse(readFileSync(join(root, 'packages/losses/package.json'), 'utf8'))
const manifest = {
  ...model,
  name: `@selfsup/${name}`,
  version: '0.0.0',
  description: 'One sentence: what it is',
  scripts: { ...model.scripts, test: model.scripts.test.replace(/--project \S+/, `--project ${name}`) },
  dependencies: { '@selfsup/core': 'workspace:^' },
  peerDependencies: { '@tensorflow/tfjs-core': '^4.22.0' },
  devDependencies: {
    '@selfsup/engine': 'workspace:^',
    '@tensorflow/tfjs-core': 'catalog:',
    '@tensorflow/tfjs-layers': 'catalog:',
  },
}
const files = {
  'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
  'src/index.ts': `export { ${camel} } from './${name}.js'\n`,
  [`src/${name}.ts`]: `import { assertRank } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * One sentence; here: the mean of all rows (authors, year, equation).
 * @param x [batch, features]
 * @returns [features]
 * @throws ShapeError when x is no matrix
 */
export function ${camel}(x: tf.Tensor2D): tf.Tensor1D {
  assertRank('${camel}', 'x', x, 2, '[batch, features]')
  return tf.mean(x, 0)
}
`,
  [`src/${name}.test.ts`]: `import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { ${camel} } from './${name}.js'

describe.each(testEngines())('${camel} on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('is the mean of the rows and leaves nothing else behind', () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const before = tf.memory().numTensors
    const mean = ${camel}(x)
    expect([...mean.dataSync()]).toEqual([2, 3])
    expect(tf.memory().numTensors).toBe(before + 1)
    tf.dispose([x, mean])
  })

  test('refuses what is no matrix', () => {
    const x = tf.tensor1d([1])
    expect(() => ${camel}(x as unknown as tf.Tensor2D)).toThrow('x must be [batch, features]; got [1]')
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
import { ${camel} } from '@selfsup/${name}'
import * as tf from '@tensorflow/tfjs-core'

await prepareEngine()
${camel}(tf.tensor2d([1, 2, 3, 4], [2, 2])).print() // [2, 3]
\`\`\`
`,
}
mkdirSync(join(folder, 'src'), { recursive: true })
for (const [path, content] of Object.entries(files)) writeFileSync(join(folder, path), content)
for (const path of ['tsconfig.json', 'LICENSE']) {
  const from = [join(root, 'packages/losses', path), join(root, path)].find(existsSync)
  cpSync(from, join(folder, path))
}
mkdirSync(join(root, '.changeset'), { recursive: true })
writeFileSync(
  join(root, `.changeset/${name}.md`),
  `---\n'@selfsup/${name}': minor\n---\n\nWhat its users notice.\n`,
)

// A place in the house: among the methods, unless it has one.
const rowsPath = join(root, 'tooling/layers/rows.ts')
const rows = readFileSync(rowsPath, 'utf8')
if (!rows.includes(`'${name}'`)) writeFileSync(rowsPath, rows.replace(/('generative')/, `$1, '${name}'`))

console.log(`packages/${name} is made. Next: pnpm install, then pnpm exec vitest run --project ${name}`)
