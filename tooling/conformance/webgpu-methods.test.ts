import { type Engine, prepareEngine } from '@selfsup/engine'
import { methodNames } from '@selfsup/runs'
import { findTensorflow } from '@selfsup/tensorflow'
import { afterAll, describe, expect, test } from 'vitest'
import { trainBriefly } from '../precision/briefly.js'
import { smallMethods } from '../precision/small-methods.js'
import { missingWebgpu } from '../vitest/webgpu.js'

const reference = findTensorflow()?.source === 'selfsup' ? 'tensorflow' : 'wasm'
/** `pnpm conformance:methods` trains all methods, for ten steps; otherwise a contrastive one trains for a few. */
const all = process.env.SELFSUP_WEBGPU_METHODS === 'all'
const names = all ? methodNames() : ['simclr']
const steps = all ? 10 : 3
/** Losses may differ by this, relative to the loss. */
const TOLERANCE = 1e-3
/** A tenth of the method's own learning rate: at the whole rate, rounding grows tenfold in a few steps. */
const RATE = 0.1

const missing = await missingWebgpu()

describe.skipIf(missing)(missing ?? 'methods on WebGPU', () => {
  /** Relative differences of the losses, at the first step and at most. */
  const table: { method: string; first: string; largest: string }[] = []
  const engines = new Map<string, Engine>()
  const lossesOn = async (name: 'tensorflow' | 'wasm' | 'webgpu', method: string) => {
    engines.set(name, await prepareEngine({ engine: name }))
    const settings = { ...smallMethods[method], steps, rate: RATE }
    return (await trainBriefly(engines.get(name)!, 'float32', method, settings)).losses
  }

  test.each(names)(
    `%s has the losses of ${reference}`,
    { timeout: all ? 1_800_000 : 120_000 },
    async (method) => {
      const wanted = await lossesOn(reference, method)
      const got = await lossesOn('webgpu', method)
      const differences = wanted.map((loss, i) => Math.abs(got[i]! - loss) / Math.abs(loss))
      table.push({
        method,
        first: differences[0]!.toExponential(1),
        largest: Math.max(...differences).toExponential(1),
      })
      for (const [i, difference] of differences.entries())
        expect(difference, `step ${i}: ${got[i]} in place of ${wanted[i]}`).toBeLessThan(TOLERANCE)
    },
  )

  afterAll(() => {
    if (all) console.table(table)
  })
})
