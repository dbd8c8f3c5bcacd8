import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { describe, expect, test } from 'vitest'
import { scoresOf, scoreTable } from './score-table.js'

const images = { source: 'images', count: 10, fingerprint: 'f' }
const record = (protocol: string, values: [features: string, metric: string, value: number][]) =>
  ({
    version: 1,
    protocol,
    title: protocol,
    step: 1,
    options: {},
    seconds: 1,
    images: { train: images, test: images },
    values: values.map(([features, metric, value]): EvaluationValue => ({ features, metric, value })),
  }) satisfies EvaluationRecord

const balanced = [
  record('knn', [
    ['ours', 'accuracy', 0.5],
    ['raw pixels', 'accuracy', 0.25],
  ]),
  record('linear-probe', [
    ['ours', 'accuracy', 0.625],
    ['ours', 'accuracy of the best five', 0.9],
    ['raw pixels', 'accuracy', 0.375],
    ['raw pixels', 'accuracy of the best five', 0.8],
  ]),
]
// In the order of the protocols: all accuracies first, then the scores for unequal classes.
const unequal = [
  record('knn', [
    ['ours', 'accuracy', 0.95],
    ['raw pixels', 'accuracy', 0.9],
    ['ours', 'balanced accuracy', 0.7],
    ['ours', 'macro F1', 0.71],
    ['raw pixels', 'balanced accuracy', 0.5],
    ['raw pixels', 'macro F1', 0.47],
    ['most frequent class', 'accuracy', 0.9],
  ]),
  record('linear-probe', [
    ['ours', 'accuracy', 0.96],
    ['ours', 'balanced accuracy', 0.8],
    ['ours', 'macro F1', 0.81],
    ['most frequent class', 'accuracy', 0.9],
  ]),
]

describe('scoresOf', () => {
  test('has one row per kind of features, in the order of the records', () => {
    expect(scoresOf(balanced)).toEqual({
      rows: [
        { features: 'ours', knn: 0.5, linear: 0.625, linearTop5: 0.9 },
        { features: 'raw pixels', knn: 0.25, linear: 0.375, linearTop5: 0.8 },
      ],
    })
  })

  test('keeps accuracy and balanced accuracy apart, and the most frequent class out of the rows', () => {
    expect(scoresOf(unequal)).toEqual({
      rows: [
        { features: 'ours', knn: 0.95, knnBalanced: 0.7, linear: 0.96, linearBalanced: 0.8 },
        { features: 'raw pixels', knn: 0.9, knnBalanced: 0.5 },
      ],
      mostFrequentClass: 0.9,
    })
  })

  test('ignores other protocols', () => {
    expect(scoresOf([record('retrieval', [['ours', 'Recall@1', 0.4]])])).toEqual({ rows: [] })
  })
})

describe('scoreTable', () => {
  test('shows accuracies of balanced classes, without a note', () => {
    expect(scoreTable(scoresOf(balanced)).split('\n')).toEqual([
      'features        kNN  linear probe',
      '----------  -------  ------------',
      'ours        50.00 %       62.50 %',
      'raw pixels  25.00 %       37.50 %',
    ])
  })

  test('adds balanced accuracies and a note for unequal classes', () => {
    const lines = scoreTable(scoresOf([unequal[0]!])).split('\n')
    expect(lines).toEqual([
      'features                 kNN  kNN balanced',
      '-------------------  -------  ------------',
      'ours                 95.00 %       70.00 %',
      'raw pixels           90.00 %       50.00 %',
      'most frequent class  90.00 %',
      '',
      'The test classes have unequal sizes: always predicting the most frequent class would reach the accuracy in the last row.',
    ])
    expect(scoreTable(scoresOf(unequal))).toMatch(
      /features +kNN +kNN balanced +linear probe +linear balanced/,
    )
  })

  test('shows the recall of each class of unequal sizes, lowest first', () => {
    const recalls = [
      { name: 'good', count: 60, recall: 1 },
      { name: 'defect', count: 3, recall: 0 },
    ]
    const scores = scoresOf([{ ...unequal[0]!, classRecall: recalls }])
    expect(scores.classRecall).toEqual({ knn: recalls })
    expect(scoreTable(scores).split('\n').slice(-5)).toEqual([
      'Recall of each class, knn',
      'class     recall  test images',
      '------  --------  -----------',
      'defect    0.00 %            3',
      'good    100.00 %           60',
    ])
  })

  test('leaves out a protocol that was not run', () => {
    expect(scoreTable(scoresOf([balanced[1]!]))).not.toContain('kNN')
  })
})
