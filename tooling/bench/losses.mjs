/** @import { Tensor2D } from '@tensorflow/tfjs-core' */
// NT-Xent, forward and backward, of pairs with 128 features; the peer does not run 16,384 pairs, which need too much memory.
import { bare, load, median, peakMemory, prepared, quick, report } from './packages.mjs'

const { ntXent } = await load('losses')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()
/** @type {(a: import('@tensorflow/tfjs-core').Tensor, b: import('@tensorflow/tfjs-core').Tensor) => import('@tensorflow/tfjs-core').Scalar} */
const lossOf = (a, b) =>
  ntXent(/** @type {Tensor2D} */ (a), /** @type {Tensor2D} */ (b), { temperature: 0.5 })
const gradients = engine.compile((/** @type {Tensor2D[]} */ ...z) => tf.grads(lossOf)(z))
const rows = []
for (const pairs of [256, 1024, 4096, 16384]) {
  const z = [1, 2].map(
    (seed) => /** @type {Tensor2D} */ (tf.randomNormal([pairs, 128], 0, 1, 'float32', seed)),
  )
  z.map((view) => view.dataSync())
  const before = peakMemory()
  const times = []
  const runs = pairs > 10_000 ? 1 : pairs > 2000 ? 2 : quick ? 10 : 20
  let first = Number.NaN
  // The first warms up, and compiles.
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
