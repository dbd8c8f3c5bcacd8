// Which images are worth labelling: a linear classifier on 40 to 1,000 labelled images of CIFAR-10, chosen by typicality (TypiClust), k-centre
// greedy or at random from 10,000 images, on the features of SimCLR. Twenty seeds, each with another 10,000 training images; mean and standard
// deviation of the accuracy on the test images. SELFSUP_SELECT_RUN is the folder of a pretrained run or exported model; without it, SimCLR is
// pretrained for ten epochs first, into .cache/bench-select.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load, prepared, quick, report, required } from './packages.mjs'

const { derive, uniforms } = await load('core')
const { linearProbe, rowsOf, selectKCentre, selectTypical } = await load('evaluation')
const { openSubject } = await load('runs')
const engine = await prepared()
const cifar = required('SELFSUP_CIFAR10')

const [pool, seeds, budgets] = quick ? [2000, 2, [40, 250]] : [10_000, 20, [40, 100, 250, 1000]]

/** The folder of the run whose features are used. */
async function pretrained() {
  const given = process.env.SELFSUP_SELECT_RUN
  if (given) return given
  const out = fileURLToPath(
    new URL(`../../.cache/bench-select/simclr-${quick ? 'quick' : 'full'}`, import.meta.url),
  )
  if (!existsSync(join(out, 'backbone', 'model.json'))) {
    const { run } = await import(new URL('../../packages/cli/dist/index.js', import.meta.url).href)
    const settings = ['--backbone', 'convnet', '--size', '32', '--epochs', quick ? '2' : '10']
    await run(['pretrain', 'simclr', join(cifar, 'train'), ...settings, '--out', out])
  }
  return out
}

/** @typedef {import('@selfsup/evaluation').Features} Features */

/**
 * Different rows, drawn with the seed.
 * @param {number} rows
 * @param {number} count
 * @param {number} seed
 */
const drawn = (rows, count, seed) =>
  Uint32Array.from(
    [...uniforms(derive([seed, 0x5e1], 0), rows).entries()]
      .sort(([, a], [, b]) => a - b)
      .slice(0, count)
      .map(([row]) => row),
  )

/** @type {Readonly<Record<string, (features: Features, count: number, seed: number) => Promise<Uint32Array>>>} */
const strategies = {
  random: async (features, count, seed) => drawn(features.count, count, 1000 + seed),
  typical: (features, count, seed) => selectTypical(features, { count, seed }),
  'k-centre': (features, count) => selectKCentre(features, { count }),
}

const subject = await openSubject({
  run: await pretrained(),
  train: join(cifar, 'train'),
  test: join(cifar, 'test'),
  engine,
  onNote: (text) => console.error(text),
})
const { train, test } = subject.subject
/** @type {Map<string, number[]>} */
const found = new Map()
for (let seed = 1; seed <= seeds; seed++) {
  const images = rowsOf(train, drawn(train.count, Math.min(pool, train.count), seed))
  for (const count of budgets)
    for (const [name, select] of Object.entries(strategies)) {
      const labelled = rowsOf(images, await select(images, count, seed))
      const { accuracy } = await linearProbe(labelled, test, { l2: [0.01] })
      const key = `${count} labels, ${name}`
      found.set(key, [...(found.get(key) ?? []), 100 * accuracy])
      const classes = new Set(labelled.labels).size
      console.error(`seed ${seed}, ${key}: ${(100 * accuracy).toFixed(2)} %, ${classes} classes`)
    }
}
await subject.close()

/** @param {readonly number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
/** @param {readonly number[]} values */
const deviation = (values) =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1))
report(
  engine,
  [...found].flatMap(([name, values]) => [
    { case: name, value: mean(values), unit: '%' },
    { case: `${name}, standard deviation`, value: deviation(values), unit: 'points' },
  ]),
)
process.exit()
