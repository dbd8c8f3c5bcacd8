// Pretrains SimCLR on 16-bit TIFFs of 5 bands by the command line, and compares its features with random weights and raw pixels.
// Also with the jitter of each band by itself, and with three of the bands: what is lost without the others.
// --validation evaluates on the validation tiles instead of the test tiles: choose settings by them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeBandTiles } from './band-tiles.mjs'

const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const quick = process.argv.includes('--quick')

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
const rows = []
for (const [name, bands, ...sets] of /** @type {const} */ ([
  ['5 bands', 'all'],
  ['5 bands, bandJitter=0.5', 'all', '--set', 'bandJitter=0.5'],
  ['bands 0, 1, 2', 'rgb'],
])) {
  const run = join(folder, name.replaceAll(/[^a-zA-Z0-9]+/g, '-'))
  const epochs = quick ? '2' : '30'
  selfsup(
    'pretrain',
    'simclr',
    join(images, 'train'),
    '--out',
    run,
    '--bands',
    bands,
    '--backbone',
    'convnet',
    '--size',
    '32',
    '--batch',
    '128',
    '--epochs',
    epochs,
    '--set',
    'minScale=0.4',
    ...sets,
    '--json',
  )
  const { results } = JSON.parse(
    selfsup(
      'evaluate',
      run,
      join(images, 'train'),
      join(images, process.argv.includes('--validation') ? 'validation' : 'test'),
      '--linear',
      '--baselines',
      '--json',
    ),
  )
  for (const { features, linear } of results)
    rows.push({ case: `${name}: linear probe, ${features}`, value: 100 * linear, unit: '%' })
}
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ rows }))
