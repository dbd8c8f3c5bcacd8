import { createHash } from 'node:crypto'
import { expected, SelfsupError } from '@selfsup/core'
import type { Features } from '@selfsup/evaluation'
import { absoluteSource } from './source.js'
import { columnsOfBoth, missingClasses, type OpenedSubject, type SubjectRequest } from './subject-request.js'

/**
 * Opens features that another program wrote.
 * @throws SelfsupError if a file is not a feature file, or has no classes
 */
export async function openFeatures(request: SubjectRequest): Promise<OpenedSubject> {
  const { limit, run } = request
  expected(!request.other, '`other` needs the folder of a run; got only features')
  const { readFeatures } = await import('@selfsup/data')
  const { matchClasses, rowsOf, spreadRows } = await import('@selfsup/evaluation')
  const read = async (path: string) => {
    const { values, count, width, labels, classes, targets } = await readFeatures(path)
    if (!labels)
      throw new SelfsupError(
        `${path} has no classes; write { "labels": [...] }, one number per row, to ${path.replace(/\.npy$/, '.json')}`,
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
  const [train, test] = [await read(request.train), await read(request.test)]
  const missing = missingClasses(train.features, test.features, request)
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
      images: { train: facts(request.train, train), test: facts(request.test, test) },
    },
    close: async () => {},
  }
}
