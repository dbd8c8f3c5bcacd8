import { type Method, phasesOf } from '@selfsup/core'
import { expect } from 'vitest'
import { trainerOf, withTrainer } from './steps.js'
import { batchFor, type Subject, withMethod } from './subject.js'

/** Trained alone on one batch with views of one seed, each phase lowers its loss. */
export async function overfitsOneBatch(subject: Subject): Promise<void> {
  const { steps = 20, rate = 0.01, fall, phases, afterUpdate, options } = subject.settings.learning ?? {}
  const all = await withMethod(subject, { options }, (method) => phases ?? phasesOf(method))
  for (const phase of all)
    await withMethod(subject, { options }, (made) => {
      const method: Method = afterUpdate === false ? { ...made, afterUpdate: undefined } : made
      const optimizer = { name: 'adamw', weightDecay: 0 } as const
      const trainer = trainerOf(method, batchFor(subject, method), subject.engine, { optimizer, rate })
      return withTrainer(trainer, async ({ run }) => {
        const losses: number[] = []
        for (let i = 0; i < steps; i++) losses.push((await run(0, [phase])).loss)
        const [first, last] = [losses[0]!, losses.at(-1)!]
        const wanted = fall ?? Math.max(0.01, 0.1 * Math.abs(first))
        expect(
          first - last,
          `${phase}: the loss went from ${first} to ${last} in ${steps} steps on one batch; its fall`,
        ).toBeGreaterThan(wanted)
      })
    })
}
