// Pretrains SimCLR on 16-bit TIFFs of 5 bands by the command line, and compares its features with random weights and raw pixels, by
// linear probes on all labels and on 10 of each class. Also with three of the bands: what is lost without the others.
// --validation evaluates on the validation tiles instead of the test tiles: choose settings by them.
import { spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeBandTiles } from './band-tiles.mjs'

const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const quick = process.argv.includes('--quick')
const LABELLED = 10

/** @param {string[]} words */
function selfsup(...words) {
  const { status, stdout } = spawnSync(process.execPath, [bin, ...words], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) process.exit(1)
  return stdout
}

const folder = mkdtempSync(join(tmpdir(), 'selfsup-bands-'))
const images = join(folder, 'images')
writeBandTiles(images)
const labelled = join(images, 'labelled')
for (const kind of readdirSync(join(images, 'train'))) {
  mkdirSync(join(labelled, kind), { recursive: true })
  for (const name of readdirSync(join(images, 'train', kind))
    .sort()
    .slice(0, LABELLED))
    linkSync(join(images, 'train', kind, name), join(labelled, kind, name))
}
const settings = [
  ...['--backbone', 'convnet', '--size', '32', '--batch', '64', '--epochs', quick ? '1' : '12'],
  ...['--optimizer', 'adamw', '--learning-rate', '0.004', '--weight-decay', '0.0001'],
  ...['--set', 'minScale=0.4', '--set', 'jitter=1', '--seed', '1'],
]
const rows = []
for (const [name, bands] of /** @type {const} */ ([
  ['5 bands', 'all'],
  ['bands 0, 1, 2', 'rgb'],
])) {
  const run = join(folder, bands)
  selfsup('pretrain', 'simclr', join(images, 'train'), '--out', run, '--bands', bands, ...settings, '--json')
  for (const [labels, train] of /** @type {const} */ ([
    ['all labels', join(images, 'train')],
    [`${LABELLED} labels of each class`, labelled],
  ])) {
    const test = join(images, process.argv.includes('--validation') ? 'validation' : 'test')
    const { results } = JSON.parse(
      selfsup('evaluate', run, train, test, '--linear', '--knn', '--baselines', '--json'),
    )
    for (const { features, linear, knn } of results)
      rows.push(
        { case: `${name}, ${labels}: linear probe, ${features}`, value: 100 * linear, unit: '%' },
        { case: `${name}, ${labels}: nearest neighbours, ${features}`, value: 100 * knn, unit: '%' },
      )
  }
}
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ rows }))
