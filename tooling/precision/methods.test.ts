import { type Engine, prepareEngine } from '@selfsup/engine'
import { methodNames } from '@selfsup/runs'
import { findTensorflow } from '@selfsup/tensorflow'
import { beforeAll, describe, expect, test } from 'vitest'
import { cosineOfMovement, type Trained, trainBriefly, unusedLowBits } from './briefly.js'
import { smallMethods } from './small-methods.js'

// SELFSUP_PRECISION_STEPS=100 trains every method for longer, in six minutes, and prints the cosines. Trainings that differ by rounding
// separate within 100 steps at the usual rate, also two in float32 (RESULTS, `precision`), so that the rate is lower.
const LONG = Number(process.env.SELFSUP_PRECISION_STEPS) || 0
const STEPS = 10
const RATE = LONG ? 0.001 : 0.004

describe.runIf(findTensorflow()?.source === 'selfsup')('mixed precision', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'on' })
    expect(engine.precision).toBe('mixed-bfloat16')
  })

  test.each(methodNames())('%s trains as in float32', { timeout: 240_000 + 10_000 * LONG }, async (name) => {
    const { steps: usual = STEPS, size, options } = smallMethods[name] ?? {}
    const steps = Math.max(usual, LONG)
    const train = (precision: Engine['precision']) =>
      trainBriefly(engine, precision, name, { steps, size, options, rate: RATE })
    const plain = await train('float32')
    const mixed = await train('mixed-bfloat16')

    expect(mixed.losses).not.toEqual(plain.losses) // or nothing was tested
    for (let i = 0; i < 3; i++) {
      const allowed = 0.005 * Math.max(1, Math.abs(plain.losses[i]!))
      expect(Math.abs(mixed.losses[i]! - plain.losses[i]!)).toBeLessThan(allowed)
    }
    expect(unusedLowBits(mixed)).toEqual([])
    expect(cosine(plain, mixed, 'weights')).toBeGreaterThan(0.9)
    const momentum = cosine(plain, mixed, 'state')
    if (momentum !== undefined) expect(momentum).toBeGreaterThan(0.99)
    if (LONG)
      console.log(
        `${name}: ${steps} steps, weights ${cosine(plain, mixed, 'weights')}, momentum network ${momentum}`,
      )
  })

  /** Without running statistics, whose movement would hide that of the weights. */
  function cosine(plain: Trained, mixed: Trained, kind: string): number | undefined {
    const chosen = (variable: string) => variable.startsWith(`${kind}/`) && !/moving_|queue/.test(variable)
    return cosineOfMovement(plain, mixed, chosen)
  }
})
