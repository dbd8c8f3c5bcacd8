// NT-Xent, forward and backward, of pairs with 128 features.
import { prepareEngine } from '../../packages/engine/dist/index.js'
import { bare, load } from './packages.mjs'

const { ntXent } = await load('losses')
const tf = await bare('@tensorflow/tfjs-core')
await prepareEngine({ engine: process.env.SELFSUP_ENGINE ?? 'tensorflow' })
const rows = []
for (const pairs of process.env.SELFSUP_QUICK ? [256, 1024, 4096] : [256, 1024, 4096, 16384]) {
  const [z1, z2] = [1, 2].map((seed) => tf.randomNormal([pairs, 128], 0, 1, 'float32', seed))
  const gradients = tf.grads((a, b) => ntXent(a, b, { temperature: 0.5 }))
  const times = []
  for (let i = 0; i < (pairs > 2000 ? 3 : 20); i++) {
    const started = performance.now()
    tf.tidy(() => gradients([z1, z2]).map((gradient) => gradient.dataSync()[0]))
    times.push(performance.now() - started)
  }
  rows.push({
    case: `NT-Xent, ${pairs} pairs`,
    value: times.sort((a, b) => a - b)[times.length >> 1],
    unit: 'ms',
  })
  tf.dispose([z1, z2])
}
console.log(JSON.stringify(rows))
