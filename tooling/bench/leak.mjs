// Memory leaks: resident memory after 200 and after 2,000 training steps of a small network, compiled and one operation at a time; and the
// largest relative difference of their losses over the first 20 steps.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
/** @import { Tensor1D, Tensor4D } from '@tensorflow/tfjs-core' */
import { bare, load, prepared, quick, report } from './packages.mjs'
import { bareSimclr } from './simclr-step.mjs'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') // so that JavaScript's garbage does not count
const steps = quick ? 600 : 2_000
const { convnet } = await load('backbones')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()

/** @param {boolean} eager one operation after another */
function trained(eager) {
  const backbone = convnet({ size: 16, widths: [8, 16], seed: 1 })
  /** @type {typeof engine.compile} */
  const compile = (step, options) => engine.compile(step, { ...options, eager })
  const step = bareSimclr({ ...engine, compile }, backbone, { hidden: 16, outputs: 8, seed: 2 })
  const losses = []
  const resident = []
  for (let i = 0; i < steps; i++) {
    // A new batch from the host in each step, as in training.
    const batch = {
      images: /** @type {Tensor4D} */ (tf.randomUniform([16, 16, 16, 3], 0, 1, 'float32', i + 1)),
      labels: /** @type {Tensor1D} */ (tf.fill([16], -1, 'int32')),
      indices: tf.range(0, 16, 1, 'int32'),
    }
    const inputs = {
      seed: tf.tensor1d([1, i], 'int32'),
      learningRate: tf.scalar(0.01),
      highestRate: tf.scalar(0.01),
      progress: tf.scalar(i / steps),
      epoch: tf.scalar(0),
    }
    const values = step.run(batch, inputs)
    losses.push(values.dataSync()[0] ?? Number.NaN)
    tf.dispose([values, inputs, batch])
    if (i !== 199 && i !== steps - 1) continue
    collectGarbage()
    resident.push(process.memoryUsage.rss() / 2 ** 20)
  }
  step.dispose()
  return { losses, resident }
}

const compiled = trained(false)
const eager = trained(true)
const differences = compiled.losses
  .slice(0, 20)
  .map((loss, i) => Math.abs(loss / (eager.losses[i] ?? Number.NaN) - 1))
const rows = [
  {
    case: 'difference of eager and compiled losses, 20 steps',
    value: Math.max(...differences) * 1e6,
    unit: 'millionths of the loss',
  },
]
for (const [name, { resident }] of Object.entries({ compiled, eager })) {
  const [early = Number.NaN, late = Number.NaN] = resident
  rows.push({ case: `${name}, after 200 steps`, value: early, unit: 'MB' })
  rows.push({ case: `${name}, after ${steps} steps`, value: late, unit: 'MB' })
}
report(engine, rows)
process.exit()
