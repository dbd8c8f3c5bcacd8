import { createHash } from 'node:crypto'
import { type Dataset, expected, type HostBatch } from '@selfsup/core'
import { batchPositions, labelled } from './order.js'

export interface ArrayOptions {
  readonly name: string
  /** one example after the other */
  readonly values: Float32Array
  /** of one example: [time, channels] for series */
  readonly shape: readonly number[]
  /** class number of each example, -1 where it has none */
  readonly labels?: Int32Array
  readonly classes?: readonly string[]
}

/**
 * Numbers in memory as a dataset: series, or anything else that is no image. Batches hold `values`, [batch, ...shape].
 * @throws SelfsupError when the values are no whole number of examples, or the labels not as many
 */
export function arrayDataset({ name, values, shape, labels, classes }: ArrayOptions): Dataset {
  const size = shape.reduce((product, length) => product * length, 1)
  const whole = shape.every((length) => Number.isInteger(length) && length >= 1)
  const count = values.length / size
  expected(
    whole && Number.isInteger(count) && count >= 1,
    `${name}: values must hold one or more examples of shape [${shape}], ${size} numbers each; got ${values.length} numbers`,
  )
  expected(!labels || labels.length === count, `${name}: ${labels?.length} labels for ${count} examples`)
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
