import { type Engine, prepareEngine } from '@selfsup/engine'
import { methodNames } from '@selfsup/runs'
import { findTensorflow } from '@selfsup/tensorflow'
import { afterAll, describe, expect, test } from 'vitest'
import { differenceOfMovement, trainBriefly } from '../precision/briefly.js'
import { smallMethods } from '../precision/small-methods.js'
import { missingWebgpu } from '../vitest/webgpu.js'

const reference = findTensorflow()?.source === 'selfsup' ? 'tensorflow' : 'wasm'
/** `pnpm conformance:methods` trains all methods, SELFSUP_WEBGPU_METHODS=vae,gan those; otherwise a contrastive one is trained. */
const { SELFSUP_WEBGPU_METHODS: wanted } = process.env
const names = wanted === 'all' ? methodNames() : (wanted?.split(',') ?? ['simclr'])
const STEPS = 10
/** Losses may differ by this, relative to the loss. */
const TOLERANCE = 1e-3
/**
 * Losses below this are compared with it: SimSiam's cosine and IIC's mutual information pass through 0, and are sums of terms of order
 * 1, whose rounding (6e-8 each) does not become smaller with the sum. It allows 1e-5.
 */
const LEAST_LOSS = 0.01
/**
 * How far the weights may end from those of the reference, relative to their movement: losses of order 1 hardly show an error in a
 * gradient. Jigsaw and CPC, of which rounding changes most, reach 0.014 on WebGPU.
 */
const MOVEMENT = 0.03
/** A tenth of the method's own learning rate: at the whole rate, rounding grows tenfold in a few steps. SELFSUP_RATE=1 measures that. */
const RATE = Number(process.env.SELFSUP_RATE ?? 0.1)
/** SELFSUP_COMPARED=wasm compares another engine, to see what rounding alone does. */
const compared = (process.env.SELFSUP_COMPARED ?? 'webgpu') as Engine['name']

const missing = await missingWebgpu()

describe.skipIf(missing)(missing ?? 'methods on WebGPU', () => {
  const table: Record<string, Record<string, string>> = {}
  const train = async (name: Engine['name'], method: string) => {
    const engine = await prepareEngine({ engine: name })
    // IIC's heads begin with weights of deviation 0.01, with which all clusters are equally likely and its loss is 1e-8.
    const headScale = method === 'iic' ? 100 : 1
    const settings = { ...smallMethods[method], steps: STEPS, rate: RATE, tiny: true, headScale }
    return trainBriefly(engine, 'float32', method, settings)
  }

  test.each(names)(`%s trains on ${compared} as on ${reference}`, { timeout: 600_000 }, async (method) => {
    const expected = await train(reference, method)
    const got = await train(compared, method)
    const differences = expected.losses.map(
      (loss, i) => Math.abs(got.losses[i]! - loss) / Math.max(Math.abs(loss), LEAST_LOSS),
    )
    const movement = differenceOfMovement(expected, got)
    table[method] = {
      'first loss': expected.losses[0]!.toPrecision(4),
      losses: Math.max(...differences).toExponential(1),
      movement: movement.toExponential(1),
    }
    for (const [i, difference] of differences.entries())
      expect(difference, `step ${i}: ${got.losses[i]} in place of ${expected.losses[i]}`).toBeLessThan(
        TOLERANCE,
      )
    expect(movement, 'movement of the weights').toBeLessThan(MOVEMENT)
  })

  afterAll(() => {
    if (wanted) console.table(table)
  })
})
