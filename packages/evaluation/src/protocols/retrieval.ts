import type { EvaluationValue } from '@selfsup/run-folder'
import { membersOfClasses } from '../few-shot.js'
import { partInterval } from '../intervals.js'
import { meanAveragePrecision } from '../mean-average-precision.js'
import type { Protocol } from '../protocol.js'
import { recallAtK } from '../recall-at-k.js'
import { rowsOf, spreadRows } from '../rows-of.js'
import { everything } from './requirements.js'

/** Maximum number of test images. */
const MOST = 10_000
const QUERIES = 2000
const K = [1, 2, 4, 8] as const

/** Each test image queries the other test images for its class. */
export const retrievalProtocol: Protocol = {
  name: 'retrieval',
  title: 'Retrieval',
  summary: 'Recall@1, 2, 4, 8 and mAP among the test images',
  missing: ({ test }) =>
    membersOfClasses(test).some((rows) => rows.length > 1) ? undefined : 'no class has two test images',
  async find(subject, { quick, signal, onProgress }) {
    const values: EvaluationValue[] = []
    const all = everything(subject)
    const queries = quick ? 200 : QUERIES
    for (const [i, { name, test }] of all.entries()) {
      onProgress?.(i / all.length, name)
      const some = rowsOf(test, spreadRows(test.count, MOST))
      const asked = some.labels.filter((label) => label >= 0).length
      const described = { features: name, unit: 'part', higherIsBetter: true } as const
      const recalls = await recallAtK(some, { k: K })
      for (const k of K) {
        const { value, interval } = partInterval(recalls[k]!, asked)
        values.push({ metric: `Recall@${k}`, ...described, value, interval })
      }
      const value = await meanAveragePrecision(some, { queries, signal })
      values.push({ metric: 'mAP', ...described, value })
    }
    return { options: { k: [...K], images: Math.min(MOST, subject.test.count), queries }, values }
  },
}
