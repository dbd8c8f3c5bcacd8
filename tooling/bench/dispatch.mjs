// What handing an operation over costs: 10,000 additions of scalars, one by one and as a compiled step, which
// TensorFlow's optimiser may draw together.
import { additions } from './additions.mjs'
import { bare, prepared, report } from './packages.mjs'

const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()
const chain = additions(tf)
const step = engine.compile(chain.run)
report(engine, [
  { case: 'one by one', value: chain.milliseconds(chain.run), unit: 'ms' },
  { case: 'compiled, against one by one there', value: chain.milliseconds(step), unit: 'ms' },
])
process.exit()
