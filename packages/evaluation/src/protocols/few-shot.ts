import type { EvaluationValue } from '@selfsup/run-folder'
import { fewShot, membersOfClasses } from '../few-shot.js'
import type { Protocol, Subject } from '../protocol.js'
import { everything } from './lacking.js'

const [WAYS, MOST_QUERIES] = [5, 15]
const classifiers = ['nearest centroid', 'logistic regression'] as const

/** Episodes of five classes (or all, when they are fewer), of one and of five images each to learn from. */
export const fewShotProtocol: Protocol = {
  name: 'few-shot',
  title: 'Few-shot classification',
  summary: '5-way episodes of 1 and 5 shots: nearest centroid and logistic regression, 95 % interval',
  lacks: (subject) =>
    shapeOf(subject) ? undefined : 'fewer than two classes have the test images for one shot and a query',
  async find(subject, { seed, quick, signal, onProgress }) {
    const { ways, shots, queries } = shapeOf(subject)!
    const episodes = quick ? 50 : 600
    const all = everything(subject)
    const values: EvaluationValue[] = []
    const total = all.length * classifiers.length * shots.length
    for (const { name, test } of all)
      for (const shot of shots)
        for (const classifier of classifiers) {
          const metric = `${ways}-way ${shot}-shot, ${classifier}`
          onProgress?.(values.length / total, `${name}: ${metric}`)
          const options = { ways, shots: shot, queries, classifier, seed, signal }
          // Logistic regression is a problem solved in each episode; a quarter of them gives intervals twice as wide.
          const own = classifier === 'logistic regression' ? Math.ceil(episodes / 4) : episodes
          const estimate = await fewShot(test, { ...options, episodes: own })
          values.push({ metric, features: name, ...estimate, unit: 'part', higherIsBetter: true })
        }
    return { options: { ways, shots, queries, episodes }, values }
  },
}

/** What episodes the test images are enough for. */
function shapeOf({ test }: Pick<Subject, 'test'>) {
  const sizes = membersOfClasses(test)
    .map((rows) => rows.length)
    .sort((a, b) => b - a)
  const ways = Math.min(WAYS, sizes.filter((size) => size >= 2).length)
  if (ways < 2) return undefined
  const smallest = sizes[ways - 1]!
  const shots = [1, 5].filter((shot) => shot < smallest)
  return { ways, shots, queries: Math.min(MOST_QUERIES, smallest - Math.max(...shots)) }
}
