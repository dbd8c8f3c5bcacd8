import { createHash } from 'node:crypto'
import { type Dataset, expected, type HostBatch } from '@selfsup/core'
import { batchPositions, labelled } from './order.js'

export interface ArrayOptions {
  readonly name: string
  /** values of all examples, concatenated */
  readonly values: Float32Array
  /** shape of one example; [time, channels] for a time series */
  readonly shape: readonly number[]
  /** class number of each example, -1 for an example without one */
  readonly labels?: Int32Array
  readonly classes?: readonly string[]
}

/**
 * Creates a dataset from numbers in memory, such as time series. Batches contain `values`, [batch, ...shape].
 * @throws SelfsupError if the values are not a whole number of examples, or there is not one label per example
 */
export function arrayDataset({ name, values, shape, labels, classes }: ArrayOptions): Dataset {
  const size = shape.reduce((product, length) => product * length, 1)
  const whole = shape.every((length) => Number.isInteger(length) && length >= 1)
  const count = values.length / size
  expected(
    whole && Number.isInteger(count) && count >= 1,
    `${name}: values must contain one or more examples of shape [${shape}], ${size} numbers each; got ${values.length} numbers`,
  )
  expected(
    !labels || labels.length === count,
    `${name}: expected ${count} labels, one per example; got ${labels?.length}`,
  )
  const hash = createHash('sha256').update(JSON.stringify([shape, labels && [...labels]]))
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  return {
    name,
    length: count,
    valueShape: shape,
    classes,
    fingerprint: hash.digest('hex'),
    labels: () => labels,
    async *batches(options): AsyncIterable<HostBatch> {
      for (const positions of batchPositions(count, options)) {
        const data = new Float32Array(positions.length * size)
        for (const [slot, position] of positions.entries())
          data.set(values.subarray(position * size, (position + 1) * size), slot * size)
        yield { values: { data, shape: [positions.length, ...shape] }, ...labelled(positions, labels) }
      }
    },
    skipped: () => [],
    close: async () => {},
  }
}
