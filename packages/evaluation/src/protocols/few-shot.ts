import type { EvaluationValue } from '@selfsup/run-folder'
import { fewShot, membersOfClasses } from '../few-shot.js'
import type { Protocol, Subject } from '../protocol.js'
import { everything } from './requirements.js'

const [WAYS, MOST_QUERIES] = [5, 15]
const classifiers = ['nearest centroid', 'logistic regression'] as const

/** Episodes of five classes (or all, if there are fewer), with one and with five training images per class. */
export const fewShotProtocol: Protocol = {
  name: 'few-shot',
  title: 'Few-shot classification',
  summary: '5-way episodes of 1 and 5 shots: nearest centroid and logistic regression, 95 % interval',
  missing: (subject) =>
    shapeOf(subject) ? undefined : 'fewer than two classes have test images for one shot and one query',
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
          // Logistic regression is fitted in each episode; a quarter of the episodes doubles the width of the interval.
          const own = classifier === 'logistic regression' ? Math.ceil(episodes / 4) : episodes
          const estimate = await fewShot(test, { ...options, episodes: own })
          values.push({ metric, features: name, ...estimate, unit: 'part', higherIsBetter: true })
        }
    // Every episode has as many images of each class.
    for (const metric of new Set(values.map((value) => value.metric)))
      values.push({ metric, features: 'chance', value: 1 / ways, unit: 'part', higherIsBetter: true })
    return { options: { ways, shots, queries, episodes }, values }
  },
}

/** Episode sizes for which there are enough test images. */
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
