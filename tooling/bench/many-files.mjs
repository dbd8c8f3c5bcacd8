// Measures time and memory of opening a folder of very many images, and of a few training steps on it. The files are hard links of one
// photo in nested folders. Linux only (/proc).
//   node tooling/bench/many-files.mjs FOLDER COUNT
import { existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { load } from './packages.mjs'

const [folder, number] = process.argv.slice(2)
const count = Number(number)
if (!folder || !count) throw new Error('usage: node tooling/bench/many-files.mjs FOLDER COUNT')
if (!existsSync(folder)) {
  mkdirSync(folder, { recursive: true })
  const pixels = Buffer.from(Array.from({ length: 120 * 120 * 3 }, (_, i) => (i * i) % 251))
  const photo = await sharp(pixels, { raw: { width: 120, height: 120, channels: 3 } })
    .jpeg()
    .toBuffer()
  // ext4 allows 65,000 links of a file, and folders of a camera's archive have about 1,000 images.
  for (let made = 0; made < count; made++) {
    const place = join(folder, `year-${Math.floor(made / 100_000)}`, `day-${Math.floor(made / 1000)}`)
    if (made % 1000 === 0) mkdirSync(place, { recursive: true })
    const original = join(folder, `.original-${Math.floor(made / 60_000)}.jpg`)
    if (made % 60_000 === 0) writeFileSync(original, photo)
    linkSync(original, join(place, `photograph-of-the-archive-${made}.jpg`))
  }
}
/** @param {'VmRSS' | 'VmHWM'} name */
const megabytes = (name) =>
  Number(new RegExp(`${name}:\\s*(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1e3
const { prepareEngine } = await load('engine')
const { openImages } = await load('data')
const { makeMethod, defaultNormalisation } = await load('runs')
const { train } = await load('train')
const before = megabytes('VmRSS')
const started = performance.now()
const dataset = await openImages(folder)
const opened = { seconds: (performance.now() - started) / 1000, megabytes: megabytes('VmHWM') - before }
console.log(JSON.stringify({ count: dataset.length, classes: dataset.classes?.length, opened }))
globalThis.gc?.()
console.log(JSON.stringify({ afterOpening: megabytes('VmRSS') - before }))
const engine = await prepareEngine()
const method = await makeMethod({
  method: 'simclr',
  options: {},
  imageShape: { size: 32, channels: 3 },
  normalisation: await defaultNormalisation(3),
  backbone: 'convnet',
  seed: 1,
})
const out = mkdtempSync(join(tmpdir(), 'many-files-'))
await train(method, dataset, {
  out: join(out, 'run'),
  engine,
  epochs: 1,
  batchSize: 32,
  learningRate: 0.01,
  maxSteps: 4,
})
console.log(JSON.stringify({ peakAfterSteps: megabytes('VmHWM'), peakMore: megabytes('VmHWM') - before }))
rmSync(out, { recursive: true })
