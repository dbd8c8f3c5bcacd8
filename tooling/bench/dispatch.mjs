// Overhead per operation: 10,000 additions of scalars, one operation at a time and as a compiled step, which TensorFlow's optimiser may
// merge.
import { additions } from './additions.mjs'
import { bare, prepared, report } from './packages.mjs'

const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()
const chain = additions(tf)
const step = engine.compile(chain.run)
report(engine, [
  { case: 'one operation at a time', value: chain.milliseconds(chain.run), unit: 'ms' },
  {
    case: 'compiled, against one operation at a time in tfjs-node',
    value: chain.milliseconds(step),
    unit: 'ms',
  },
])
process.exit()
