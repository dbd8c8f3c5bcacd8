import { expected, type LossResult } from '@selfsup/core'
import { valuesOfWorkers } from '@selfsup/kernels'
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
  /** whether a worker wants to stop; absent with one worker */
  readonly stop?: boolean
}

/** Transfers a step's values from the device to the host in one tensor, so that they are read at once. */
export interface StepReporter {
  /** Collects the values of one phase, float32. @throws SelfsupError if a metric has a reserved name */
  gather(phase: string, result: LossResult): tf.Tensor1D
  /** Adds the values of the other workers. @param stop 1 if this worker wants to stop, otherwise 0 */
  ofWorkers(values: tf.Tensor1D, stop: tf.Scalar): tf.Tensor1D
  /**
   * Reads the collected values of these phases. With several workers, the means over them.
   * @throws SelfsupError if the losses of the workers differ
   */
  read(values: tf.Tensor1D, phases: readonly string[]): Promise<StepValues>
}

/** Names of the values that the training loop logs. */
const reserved = new Set(['loss', 'spread', 'step', 'epoch', 'epochLoss', 'learningRate', 'imagesPerSecond'])

/**
 * @param method name of the method, for errors
 * @param all all phases of the method
 * @param workers number of workers
 */
export function valuesOfSteps(method: string, all: readonly string[], workers = 1): StepReporter {
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
    ofWorkers: (values, stop) =>
      tf.reshape(valuesOfWorkers(tf.concat1d([values, tf.reshape(stop, [1])])), [-1]),
    async read(tensor, phases) {
      const numbers = await tensor.data()
      const names = phases.flatMap((phase) => reported.get(phase)!.map((name) => ({ phase, name })))
      // With several workers, a row for each with its wish to stop at the end.
      const several = workers > 1 && numbers.length === workers * (names.length + 1)
      const rows = several
        ? Array.from({ length: workers }, (_, worker) => numbers.subarray(worker * (names.length + 1)))
        : [numbers]
      const readings = names.map(({ phase, name }, i) => {
        const values = rows.map((row) => row[i]!)
        if (name === 'loss') expectEqual(method, values)
        return { phase, name, value: values.reduce((sum, value) => sum + value, 0) / values.length }
      })
      const stop = several && { stop: rows.some((row) => row[names.length]! > 0) }
      return { ...summary(readings, all.length > 1), ...stop }
    },
  }
}

/** Largest relative difference between the losses of workers, which may round differently on different processors. */
const TOLERANCE = 1e-3

function expectEqual(method: string, losses: readonly number[]): void {
  const [least, most] = [Math.min(...losses), Math.max(...losses)]
  expected(
    !(most - least > TOLERANCE * Math.max(Math.abs(most), Math.abs(least), 1e-3)),
    `${method}: the workers computed different losses (${losses.join(', ')}), so a part of the loss uses only the images of each worker; train this method with one worker`,
    { code: 'unsupported' },
  )
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
