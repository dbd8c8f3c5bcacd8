import type { EvaluationValue } from '@selfsup/run-folder'
import type { Protocol } from '../protocol.js'
import { ridge } from '../ridge.js'
import { everything } from './requirements.js'

/** Linear regression of the images' numeric annotations on the features. */
export const regressionProtocol: Protocol = {
  name: 'regression',
  title: 'Regression',
  summary: 'ridge on features, for numbers known of the images: R2, mean absolute error',
  missing({ values, train, test }) {
    const enough = Object.values(values ?? {}).some(
      (column) => known(column.train) >= 2 && known(column.test) >= 2,
    )
    if (enough) return undefined
    return `the ${train.count} training and ${test.count} test images have no numeric annotations (those of the built-in dataset \`shapes\` have)`
  },
  async find(subject, { seed, signal, onProgress }) {
    const able = Object.entries(subject.values ?? {}).filter(
      ([, column]) => known(column.train) >= 2 && known(column.test) >= 2,
    )
    const all = everything(subject)
    const values: EvaluationValue[] = []
    let done = 0
    for (const { name, train, test } of all) {
      const found: EvaluationValue[] = []
      for (const [target, column] of able) {
        signal?.throwIfAborted()
        onProgress?.(done++ / (able.length * all.length), `${name}: ${target}`)
        const { r2, meanAbsoluteError } = await ridge(train, test, column, { seed })
        found.push(
          { metric: `R2 of ${target}`, features: name, value: r2, higherIsBetter: true },
          {
            metric: `mean absolute error of ${target}`,
            features: name,
            value: meanAbsoluteError,
            higherIsBetter: false,
          },
        )
      }
      const r2 = found.filter(({ metric }) => metric.startsWith('R2'))
      const value = r2.reduce((sum, each) => sum + each.value, 0) / r2.length
      values.push({ metric: 'mean R2', features: name, value, higherIsBetter: true }, ...found)
    }
    return { options: { targets: able.length, seed }, values }
  },
}

function known(column: Float64Array): number {
  return column.reduce((count, value) => count + (Number.isFinite(value) ? 1 : 0), 0)
}
