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
  /** accuracy of always predicting the most frequent class; given if the test classes have unequal sizes */
  readonly mostFrequentClass?: number
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
  return { rows: [...rows.values()], ...(mostFrequentClass !== undefined && { mostFrequentClass }) }
}

/** Column titles of the table, in order. */
const titles = [
  ['knn', 'kNN'],
  ['knnBalanced', 'kNN balanced'],
  ['linear', 'linear probe'],
  ['linearBalanced', 'linear balanced'],
] as const

/** Table of kNN and linear probe; a note follows if the test classes have unequal sizes. */
export function scoreTable({ rows, mostFrequentClass }: Scores): string {
  const columns = titles.filter(([key]) => rows.some((row) => row[key] !== undefined))
  const lines = rows.map((row) => [
    row.features,
    ...columns.map(([key]) => (row[key] === undefined ? '' : percent(row[key]))),
  ])
  const text = table(['features', ...columns.map(([, title]) => title)], lines)
  if (mostFrequentClass === undefined) return text
  return `${text}\n\nThe test classes have unequal sizes: always predicting the most frequent class would reach an accuracy of ${percent(mostFrequentClass)}.`
}
