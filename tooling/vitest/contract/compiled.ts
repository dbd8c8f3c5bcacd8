import { type OptimizerSettings, resolveOptions } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { expect } from 'vitest'
import { eagerly, trainerOf, withTrainer } from './steps.js'
import { batchFor, type Subject, withMethod } from './subject.js'

const STEPS = 3
/** The rounding of sums in another order, over some steps. */
const TOLERANCE = 1e-4

interface Trained {
  readonly values: readonly Readonly<Record<string, number>>[]
  readonly variables: ReadonlyMap<string, Float32Array>
}

/** Compiled steps leave the values, weights and state of the same steps run one operation after another. */
export async function compiledEqualsEager(subject: Subject): Promise<void> {
  const { definition, settings, engine } = subject
  const { tolerance = TOLERANCE } = settings
  const { optimizer } = definition.training(resolveOptions(definition, settings.options))
  const [compiled, eager] = [
    await train(subject, engine, optimizer),
    await train(subject, eagerly(engine), optimizer),
  ]
  for (const [i, values] of eager.values.entries())
    for (const [name, value] of Object.entries(values)) {
      const difference = Math.abs(compiled.values[i]![name]! - value)
      expect(
        difference,
        `step ${i}: ${name} is ${value}, compiled ${compiled.values[i]![name]}`,
      ).toBeLessThan(tolerance * Math.max(1, Math.abs(value)))
    }
  for (const [name, values] of eager.variables) {
    const others = compiled.variables.get(name)!
    const scale = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0.1)
    const worst = values.reduce((most, value, j) => Math.max(most, Math.abs(value - others[j]!)), 0)
    expect(worst / scale, `${name} after ${STEPS} steps, relative to its largest value`).toBeLessThan(
      tolerance,
    )
  }
}

function train(subject: Subject, engine: Engine, optimizer: OptimizerSettings): Promise<Trained> {
  return withMethod(subject, {}, (method) =>
    withTrainer(
      trainerOf(method, batchFor(subject, method), engine, { optimizer, rate: 0.01 }),
      async ({ run, variables }) => {
        const values: Record<string, number>[] = []
        for (let i = 0; i < STEPS; i++) {
          const { loss, spread, metrics } = await run(i)
          values.push({ loss, ...(spread !== undefined && { spread }), ...metrics })
        }
        const all = [...variables].map(
          ([name, variable]) => [name, Float32Array.from(variable.dataSync())] as const,
        )
        return { values, variables: new Map(all) }
      },
    ),
  )
}
