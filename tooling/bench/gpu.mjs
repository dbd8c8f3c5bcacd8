// One SimCLR step on an NVIDIA GPU, 512 images: float32 (TensorFloat-32), mixed precision, each with and without XLA, and one operation at
// a time. Each case needs its own process, since TensorFlow reads these settings when it is loaded.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { load, median, prepared, quick, report } from './packages.mjs'

const networks = ['ResNet-18', 'ConvNet']
const ways = {
  float32: { SELFSUP_MIXED_PRECISION: 'off' },
  bfloat16: { SELFSUP_MIXED_PRECISION: 'on' },
  'float32, not by XLA': { SELFSUP_MIXED_PRECISION: 'off', SELFSUP_XLA: '0' },
  'bfloat16, not by XLA': { SELFSUP_MIXED_PRECISION: 'on', SELFSUP_XLA: '0' },
  'float32, operation by operation': { SELFSUP_MIXED_PRECISION: 'off', SELFSUP_EAGER: '1' },
}

if (process.argv[2] === 'one') await one(process.argv[3])
/** @type {string[]} */
const engines = []
const rows = Object.entries(ways).flatMap(([way, environment]) => {
  const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'one', way], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) {
    console.error(`${way} failed`)
    return []
  }
  const found = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  engines.push(found.engine)
  for (const row of found.rows) console.error(JSON.stringify(row))
  return found.rows
})
if (rows.length === 0) process.exit(1)
report({ description: engines[0] ?? '' }, rows)

/**
 * Images per second, the median over some runs of steps; only the loss of each run's last step is read.
 * @param {string | undefined} way
 */
async function one(way) {
  const { convnet, resnet18 } = await load('backbones')
  const { simclrStep } = await import('./simclr-step.mjs')
  const engine = await prepared()
  if (!engine.description.includes('GPU')) {
    console.error(
      `${engine.description}: no NVIDIA GPU, or TensorFlow without CUDA (npx selfsup engine install --cuda)`,
    )
    process.exit(1)
  }
  const images = 512
  const made = [resnet18({ size: 32, stem: 'cifar' }), convnet({ size: 32 })]
  const rows = []
  for (const [at, backbone] of made.entries()) {
    const step = simclrStep(engine, backbone, images)
    const speeds = []
    let loss
    const begun = performance.now()
    const values = step.run()
    await values.data()
    values.dispose()
    const first = (performance.now() - begun) / 1000
    for (let run = 0; run < (quick ? 2 : 6); run++) {
      const steps = quick ? 2 : 20
      const started = performance.now()
      for (let i = 0; i < steps; i++) {
        const values = step.run()
        if (i === steps - 1) loss = (await values.data())[0]
        values.dispose()
      }
      speeds.push((images * steps * 1000) / (performance.now() - started))
    }
    if (!Number.isFinite(loss)) throw new Error(`${way}: the loss is ${loss}`)
    console.error(`${way}, ${networks[at]}: loss ${loss}`)
    step.dispose()
    rows.push({ case: `${networks[at]}, ${way}`, value: median(speeds.slice(1)), unit: 'images/s' })
    rows.push({ case: `${networks[at]}, ${way}: first step`, value: first, unit: 's' })
  }
  report(engine, rows)
  process.exit()
}
