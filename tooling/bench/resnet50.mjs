// Time and memory of a SimCLR step of ResNet-50 at 224 pixels,, next to one of ResNet-18 at 32 pixels, from which scaling.mjs computes what
// GPUs would take. Each batch has a process of its own. SELFSUP_RESNET50=8,16 chooses the numbers of images.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { load, median, peakMemory, prepared, quick, report } from './packages.mjs'

/** @import { Row } from './built.js' */

const TIMES = quick ? 1 : 3
const [, , network, images] = process.argv

if (network && images) await measure(network, Number(images))
else {
  const batches = process.env.SELFSUP_RESNET50?.split(',').map(Number) ?? (quick ? [8] : [8, 16, 32])
  /** @type {Row[]} */
  const rows = []
  /** @param {string} network @param {number} images */
  const add = (network, images) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), network, String(images)],
      { encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`${network}, ${images} images failed:\n${stderr.slice(-1000)}`)
    const { seconds, processor, megabytes } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    const name = `${network}, ${images} images (${2 * images} views)`
    rows.push(
      { case: `${name}: step`, value: seconds, unit: 's' },
      { case: `${name}: processor time of a step`, value: processor, unit: 's' },
      { case: `${name}: peak memory`, value: megabytes, unit: 'MB' },
    )
    console.error(name, seconds, processor, megabytes)
  }
  add('ResNet-18, 32 pixels', 64)
  for (const batch of batches) add('ResNet-50, 224 pixels', batch)
  report(await prepared(), rows)
  process.exit()
}

/** @param {string} network @param {number} images */
async function measure(network, images) {
  const { resnet18, resnet50 } = await load('backbones')
  const { simclrStep } = await import('./simclr-step.mjs')
  const engine = await prepared()
  const backbone = network.startsWith('ResNet-18')
    ? resnet18({ size: 32, stem: 'cifar' })
    : resnet50({ size: 224 })
  const step = simclrStep(engine, backbone, 2 * images)
  /** @type {number[]} */
  const seconds = []
  /** @type {number[]} */
  const processor = []
  for (let i = 0; i < TIMES + 1; i++) {
    const started = performance.now()
    const before = process.cpuUsage()
    const values = step.run()
    values.dataSync()
    values.dispose()
    const { user, system } = process.cpuUsage(before)
    if (i === 0) continue // captures
    seconds.push((performance.now() - started) / 1000)
    processor.push((user + system) / 1e6)
  }
  console.log(
    JSON.stringify({ seconds: median(seconds), processor: median(processor), megabytes: peakMemory() }),
  )
  process.exit()
}
