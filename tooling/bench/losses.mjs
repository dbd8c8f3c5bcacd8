// NT-Xent, forward and backward, of pairs with 128 features; the peer does not run 16,384 pairs, which need too much memory.
import { bare, load, median, peakMemory, prepared, quick, report } from './packages.mjs'

const { ntXent } = await load('losses')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()
const gradients = engine.compile((...z) => tf.grads((a, b) => ntXent(a, b, { temperature: 0.5 }))(z))
const rows = []
for (const pairs of [256, 1024, 4096, 16384]) {
  const z = [1, 2].map((seed) => tf.randomNormal([pairs, 128], 0, 1, 'float32', seed))
  z.map((view) => view.dataSync())
  const before = peakMemory()
  const times = []
  const runs = pairs > 10_000 ? 1 : pairs > 2000 ? 2 : quick ? 10 : 20
  let first
  // The first call is for warm-up and compilation.
  for (let i = 0; i <= runs; i++) {
    const started = performance.now()
    tf.tidy(() => gradients(...z).map((gradient) => gradient.dataSync()[0]))
    if (i > 0) times.push(performance.now() - started)
    else first = performance.now() - started
  }
  rows.push({ case: `NT-Xent, ${pairs} pairs`, value: median(times), unit: 'ms' })
  if (pairs > 10_000) rows.push({ case: `first call, ${pairs} pairs`, value: first, unit: 'ms' })
  // Sizes ascend, so that the peak is that of the current size. Small sizes need less than the process already uses.
  if (pairs > 2000)
    rows.push({
      case: `additional memory for ${pairs} pairs`,
      value: Math.max(1, peakMemory() - before),
      unit: 'MB',
    })
  tf.dispose(z)
}
report(engine, rows)
