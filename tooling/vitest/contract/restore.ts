import { resolveOptions } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { eagerly, type Trainer, trainerOf, withTrainer } from './steps.js'
import { batchFor, type Subject, withMethod } from './subject.js'
import { assign } from './variables.js'

/**
 * What a checkpoint holds is all that training changes: given to a method made with another seed, the next step has the
 * same values, bit for bit, and leaves the same weights and state.
 */
export async function goesOnAfterRestore(subject: Subject): Promise<void> {
  const engine = eagerly(subject.engine)
  const { definition, settings } = subject
  const { optimizer } = definition.training(resolveOptions(definition, settings.options))
  const how = { optimizer, rate: 0.01 }
  await withMethod(subject, {}, (method) =>
    withTrainer(trainerOf(method, batchFor(subject, method), engine, how), async (first) => {
      await first.run(0)
      const saved = snapshot(first)
      const wanted = await first.run(1)
      await withMethod(subject, { seed: 2 }, (other) =>
        withTrainer(trainerOf(other, batchFor(subject, other), engine, how), async (second) => {
          // A past of its own, of another length: what no checkpoint holds differs.
          for (const number of [5, 6]) await second.run(number)
          restore(second, saved)
          expect(await second.run(1), 'values of the step after a restore').toEqual(wanted)
          const [after, here] = [snapshot(first), snapshot(second)]
          for (const [name, values] of after)
            expect(here.get(name), `${name} one step after a restore`).toEqual(values)
        }),
      )
    }),
  )
}

type Snapshot = ReadonlyMap<string, tf.TypedArray>

function snapshot({ variables }: Trainer): Snapshot {
  return new Map([...variables].map(([name, variable]) => [name, variable.dataSync().slice()]))
}

function restore({ variables }: Trainer, saved: Snapshot): void {
  expect([...variables.keys()], 'names in a checkpoint').toEqual([...saved.keys()])
  for (const [name, variable] of variables) assign(variable, saved.get(name)!)
}
