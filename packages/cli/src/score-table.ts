import type { EvaluationRecord } from '@selfsup/run-folder'
import { percent, table } from './table.js'

/** Protocols of `selfsup evaluate` if none are named. */
export const usualProtocols: readonly string[] = ['knn', 'linear-probe']

/** Scores of one kind of features, as fractions of 1. The names are keys of the JSON output. */
export interface ScoreRow {
  readonly features: string
  readonly knn?: number
  readonly linear?: number
  readonly linearTop5?: number
  /** balanced accuracies; given if the test classes have unequal sizes */
  readonly knnBalanced?: number
  readonly linearBalanced?: number
}

/** Scores of kNN and linear probe. */
export interface Scores {
  readonly rows: readonly ScoreRow[]
  /** accuracy of always predicting the most frequent class of the training images */
  readonly mostFrequentClass?: number
  /** recall of each class with the first features, by protocol */
  readonly classRecall?: Readonly<Record<string, NonNullable<EvaluationRecord['classRecall']>>>
}

/** Features of the values that say what always predicting the most frequent class reaches. */
const MOST_FREQUENT = 'most frequent class'

/** The column of each metric; other metrics, such as macro F1, are not in the compact table. */
const columnOf: Readonly<Record<string, Readonly<Record<string, Exclude<keyof ScoreRow, 'features'>>>>> = {
  knn: { accuracy: 'knn', 'balanced accuracy': 'knnBalanced' },
  'linear-probe': {
    accuracy: 'linear',
    'accuracy of the best five': 'linearTop5',
    'balanced accuracy': 'linearBalanced',
  },
}

/** Collects the scores of kNN and linear probe from their records, one row per kind of features. */
export function scoresOf(records: readonly EvaluationRecord[]): Scores {
  const rows = new Map<string, ScoreRow>()
  let mostFrequentClass: number | undefined
  for (const { protocol, values } of records) {
    for (const { features, metric, value } of values) {
      const column = columnOf[protocol]?.[metric]
      if (!column) continue
      if (features === MOST_FREQUENT) mostFrequentClass = value
      else rows.set(features, { ...rows.get(features), features, [column]: value })
    }
  }
  const recalls = records.flatMap(({ protocol, classRecall }) =>
    columnOf[protocol] && classRecall ? [[protocol, classRecall] as const] : [],
  )
  return {
    rows: [...rows.values()],
    ...(mostFrequentClass !== undefined && { mostFrequentClass }),
    ...(recalls.length > 0 && { classRecall: Object.fromEntries(recalls) }),
  }
}

/** Column titles of the table, in order. */
const titles = [
  ['knn', 'kNN'],
  ['knnBalanced', 'kNN balanced'],
  ['linear', 'linear probe'],
  ['linearBalanced', 'linear balanced'],
] as const

/** Table of kNN and linear probe; a note follows if the test classes have unequal sizes. */
export function scoreTable({ rows, mostFrequentClass, classRecall }: Scores): string {
  const columns = titles.filter(([key]) => rows.some((row) => row[key] !== undefined))
  const lines = rows.map((row) => [
    row.features,
    ...columns.map(([key]) => (row[key] === undefined ? '' : percent(row[key]))),
  ])
  const imbalanced = columns.some(([key]) => key === 'knnBalanced' || key === 'linearBalanced')
  if (mostFrequentClass !== undefined)
    lines.push([
      MOST_FREQUENT,
      ...columns.map(([key]) => (key === 'knn' || key === 'linear' ? percent(mostFrequentClass) : '')),
    ])
  const text = table(['features', ...columns.map(([, title]) => title)], lines)
  if (!imbalanced) return text
  const note =
    'The test classes have unequal sizes: always predicting the most frequent class would reach the accuracy in the last row.'
  return [text, note, ...Object.entries(classRecall ?? {}).map(recallLine)].join('\n\n')
}

/** Number of classes whose recall is shown, lowest first. */
const MOST_RECALLS = 10

function recallLine([protocol, classes]: [string, NonNullable<EvaluationRecord['classRecall']>]): string {
  const lowest = classes.toSorted((a, b) => a.recall - b.recall).slice(0, MOST_RECALLS)
  const rows = lowest.map(({ name, recall, count }) => [name, percent(recall), String(count)])
  return `Recall of each class, ${protocol}${lowest.length < classes.length ? ` (the lowest ${lowest.length} of ${classes.length})` : ''}\n${table(['class', 'recall', 'test images'], rows)}`
}
