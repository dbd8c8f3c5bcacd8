import { expected, type LossResult } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { featureSpread } from './spread.js'

/** Values that a step reported, on the host. */
export interface StepValues {
  /** sum of the phases' losses; a repeated phase counts with its mean */
  readonly loss: number
  /** lowest spread of the phases, see `featureSpread`; absent if no phase returns features */
  readonly spread?: number
  /** further metrics; for a method with several phases named `phase/metric`, including `phase/loss` */
  readonly metrics: Readonly<Record<string, number>>
}

/** Transfers a step's values from the device to the host in one tensor, so that they are read at once. */
export interface StepReporter {
  /** Collects the values of one phase, float32. @throws SelfsupError if a metric has a reserved name */
  gather(phase: string, result: LossResult): tf.Tensor1D
  /** Reads the collected values of these phases. */
  read(values: tf.Tensor1D, phases: readonly string[]): Promise<StepValues>
}

/** Names of the values that the training loop logs. */
const reserved = new Set(['loss', 'spread', 'step', 'epoch', 'epochLoss', 'learningRate', 'imagesPerSecond'])

/**
 * @param method name of the method, for errors
 * @param all all phases of the method
 */
export function valuesOfSteps(method: string, all: readonly string[]): StepReporter {
  // A compiled step calls `gather` only when it is captured, so the names are kept for later runs.
  const reported = new Map<string, readonly string[]>()
  return {
    gather(phase, { loss, metrics = {}, features }) {
      for (const name of Object.keys(metrics)) {
        expected(
          !reserved.has(name),
          `${method}: a metric must not be named '${name}', which the training loop uses; choose another name`,
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

/** Mean of the readings of each key. */
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
