import { createHash } from 'node:crypto'
import { expected, SelfsupError } from '@selfsup/core'
import type { Features } from '@selfsup/evaluation'
import { absoluteSource } from '../images.js'
import { type Asked, columnsOfBoth, missingClasses, type Opened } from './asked.js'

/**
 * Opens features that another program wrote.
 * @throws SelfsupError when a file is none, or has no classes beside it
 */
export async function openFeatures(asked: Asked): Promise<Opened> {
  const { limit, run } = asked
  expected(!asked.other, '--other needs a run; only features were given')
  const { readFeatures } = await import('@selfsup/data')
  const { matchClasses, rowsOf, spreadRows } = await import('@selfsup/evaluation')
  const read = async (path: string) => {
    const { values, count, width, labels, classes, targets } = await readFeatures(path)
    if (!labels)
      throw new SelfsupError(
        `${path} has no classes beside it; write { "labels": [...] }, one number for each row, to ${path.replace(/\.npy$/, '.json')}`,
      )
    const all: Features = {
      values,
      count,
      width,
      classes,
      labels: Int32Array.from(labels),
      indices: Int32Array.from({ length: count }, (_, row) => row),
    }
    const rows = spreadRows(count, limit ?? count)
    const features = rows.length < count ? rowsOf(all, rows) : all
    const columns =
      targets &&
      Object.fromEntries(
        Object.entries(targets).map(([name, column]) => [
          name,
          Float64Array.from(rows, (row) => column[row]!),
        ]),
      )
    const hash = createHash('sha256').update(JSON.stringify({ labels: [...all.labels], classes }))
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return { features, columns, fingerprint: hash.digest('hex') }
  }
  const [train, test] = [await read(asked.train), await read(asked.test)]
  const missing = missingClasses(train.features, test.features, asked)
  const facts = (source: string, { features, fingerprint }: typeof train) => ({
    source: absoluteSource(source),
    count: features.count,
    fingerprint,
  })
  return {
    folder: run,
    otherWeights: '',
    missing,
    datasets: [],
    subject: {
      name: 'given features',
      train: train.features,
      test: matchClasses(train.features, test.features).test,
      values: train.columns && test.columns && columnsOfBoth(train.columns, test.columns),
    },
    facts: {
      step: 0,
      weights: `features ${train.fingerprint.slice(0, 16)} ${test.fingerprint.slice(0, 16)}`,
      images: { train: facts(asked.train, train), test: facts(asked.test, test) },
    },
    close: async () => {},
  }
}
