import { expected, type LossResult } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { featureSpread } from './spread.js'

/** What a step reported, on the host. */
export interface StepValues {
  /** sum of the phases' losses, each its mean where a phase was repeated */
  readonly loss: number
  /** lowest of the phases' spreads: see `featureSpread`; absent when no phase shows features */
  readonly spread?: number
  /** what else was reported; of a method with several phases `phase/metric`, and each `phase/loss` */
  readonly metrics: Readonly<Record<string, number>>
}

/** Carries a step's values from the device to the host, as one tensor so that they are fetched at once. */
export interface StepReporter {
  /** All values of one phase, float32. @throws SelfsupError when a metric has a name that is taken */
  gather(phase: string, result: LossResult): tf.Tensor1D
  read(values: tf.Tensor1D, phases: readonly string[]): Promise<StepValues>
}

/** Names under which the loop logs what it measures itself. */
const taken = new Set(['loss', 'spread', 'step', 'epoch', 'epochLoss', 'learningRate', 'imagesPerSecond'])

/**
 * @param method its name, for errors
 * @param all the method's phases
 */
export function valuesOfSteps(method: string, all: readonly string[]): StepReporter {
  // A compiled step says its names when it is recorded, not when it is replayed.
  const reported = new Map<string, readonly string[]>()
  return {
    gather(phase, { loss, metrics = {}, features }) {
      for (const name of Object.keys(metrics)) {
        expected(
          !taken.has(name),
          `${method}: a metric may not be named '${name}', which the loop logs itself; name it otherwise`,
        )
      }
      const spread = featureSpread(features)
      const values = { loss, ...(spread && { spread }), ...metrics }
      reported.set(phase, Object.keys(values))
      return tf.stack(
        Object.values(values).map((value) => tf.cast(tf.reshape(value, []), 'float32')),
      ) as tf.Tensor1D
    },
    async read(tensor, phases) {
      const numbers = await tensor.data()
      const names = phases.flatMap((phase) => reported.get(phase)!.map((name) => ({ phase, name })))
      const readings = names.map(({ phase, name }, i) => ({ phase, name, value: numbers[i]! }))
      return summary(readings, all.length > 1)
    },
  }
}

interface Reading {
  readonly phase: string
  readonly name: string
  readonly value: number
}

function summary(readings: readonly Reading[], severalPhases: boolean): StepValues {
  const losses = readings.filter(({ name }) => name === 'loss')
  const spreads = readings.filter(({ name }) => name === 'spread').map(({ value }) => value)
  const others = readings.filter(({ name }) => name !== 'spread' && (severalPhases || name !== 'loss'))
  const loss = Object.values(means(losses, ({ phase }) => phase)).reduce((sum, mean) => sum + mean, 0)
  const metrics = means(others, ({ phase, name }) => (severalPhases ? `${phase}/${name}` : name))
  return { loss, ...(spreads.length > 0 && { spread: Math.min(...spreads) }), metrics }
}

/** Means of the readings under one key. */
function means(readings: readonly Reading[], keyOf: (reading: Reading) => string): Record<string, number> {
  const values: Record<string, number[]> = {}
  for (const reading of readings) values[keyOf(reading)] = [...(values[keyOf(reading)] ?? []), reading.value]
  return Object.fromEntries(
    Object.entries(values).map(([key, all]) => [
      key,
      all.reduce((sum, value) => sum + value, 0) / all.length,
    ]),
  )
}
