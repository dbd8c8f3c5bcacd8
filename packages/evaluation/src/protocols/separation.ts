import type { EvaluationValue } from '@selfsup/run-folder'
import { alignment, uniformity } from '../alignment-uniformity.js'
import { collapseSignals } from '../collapse.js'
import { decisionTree } from '../decision-tree.js'
import { effectiveRank } from '../effective-rank.js'
import type { Features } from '../features.js'
import { membersOfClasses } from '../few-shot.js'
import type { Graded } from '../grade.js'
import { partInterval } from '../intervals.js'
import { linearProbe } from '../linear-probe.js'
import { naiveBayes } from '../naive-bayes.js'
import { nearestCentroid } from '../nearest-centroid.js'
import type { Protocol, SplitFeatures } from '../protocol.js'
import { rowsOf, spreadRows } from '../rows-of.js'
import { silhouette } from '../silhouette.js'
import { everything, missingClasses } from './requirements.js'

/** Maximum number of images for decision trees, pairwise distances and the effective rank. */
const limits = { tree: 5000, pairs: 2000, rank: 25_600 } as const

/** Separation of the classes, measured by simple classifiers and by the geometry of the features. */
export const separationProtocol: Protocol = {
  name: 'separation',
  title: 'Separation of the classes',
  summary: 'simple classifiers, silhouette, alignment, uniformity, effective rank, collapse signals',
  missing: missingClasses,
  async find(subject, { signal, onProgress }) {
    const values: EvaluationValue[] = []
    const all = everything(subject)
    for (const [i, each] of all.entries()) {
      const report = (done: number, what: string) => {
        signal?.throwIfAborted()
        onProgress?.((i + done) / all.length, `${each.name}: ${what}`)
      }
      values.push(...(await classifiers(each, report)), ...(await geometry(each, report)))
    }
    return { options: { treeImages: limits.tree, pairImages: limits.pairs, l2: 1e-3 }, values }
  },
}

type ReportProgress = (done: number, what: string) => void

async function classifiers(
  { name, train, test }: SplitFeatures,
  report: ReportProgress,
): Promise<EvaluationValue[]> {
  const ways: readonly [string, () => Graded | Promise<Graded>][] = [
    ['logistic regression', () => linearProbe(train, test, { l2: [1e-3] })],
    ['nearest centroid', () => nearestCentroid(train, test)],
    ['naive Bayes', () => naiveBayes(train, test)],
    ['decision tree', () => decisionTree(rowsOf(train, spreadRows(train.count, limits.tree)), test)],
  ]
  const values: EvaluationValue[] = []
  for (const [i, [metric, classify]] of ways.entries()) {
    report((0.8 * i) / ways.length, metric)
    const { accuracy, count } = await classify()
    const { interval } = partInterval(accuracy, count)
    values.push({ metric, features: name, value: accuracy, interval, unit: 'part', higherIsBetter: true })
  }
  return values
}

/** Measured on the test images, which the network was not trained on. */
async function geometry({ name, test }: SplitFeatures, report: ReportProgress): Promise<EvaluationValue[]> {
  const some = rowsOf(test, spreadRows(test.count, limits.pairs))
  const of = (metric: string, value: number, higherIsBetter?: boolean): EvaluationValue => ({
    metric,
    features: name,
    value,
    ...(higherIsBetter !== undefined && { higherIsBetter }),
  })
  report(0.8, 'geometry')
  const values: EvaluationValue[] = []
  const sizes = membersOfClasses(some).map((rows) => rows.length)
  if (sizes.length >= 2 && sizes.some((size) => size > 1))
    values.push(of('silhouette', await silhouette(some), true))
  const pairs = classPairs(some)
  if (pairs) values.push(of('alignment within classes', alignment(pairs[0], pairs[1]), false))
  if (some.count > 1) values.push(of('uniformity', await uniformity(some), false))
  report(0.9, 'effective rank')
  values.push(
    of('effective rank', await effectiveRank(rowsOf(test, spreadRows(test.count, limits.rank))), true),
  )
  const { spread, deadFeatures, meanCosine } = collapseSignals(some)
  values.push(
    of('spread', spread, true),
    { ...of('features that never change', deadFeatures, false), unit: 'part' },
    of('mean cosine of two images', meanCosine, false),
  )
  return values
}

/** Pairs each image with the next one of its class. */
function classPairs(features: Features): [Features, Features] | undefined {
  const members = membersOfClasses(features).filter((rows) => rows.length > 1)
  if (members.length === 0) return undefined
  const first = members.flat()
  const second = members.flatMap((rows) => [...rows.slice(1), rows[0]!])
  return [rowsOf(features, first), rowsOf(features, second)]
}
