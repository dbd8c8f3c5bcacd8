import { expect, test } from 'vitest'
import { alarmsOf } from './alarms.js'

const collapse = { name: 'collapse', metric: 'spread', below: 0.1, steps: 3, message: 'all are one' }

function warnings(alarms: Parameters<typeof alarmsOf>[0]['alarms'], values: readonly number[]): string[] {
  const messages: string[] = []
  const watch = alarmsOf({ name: 'gan', alarms }, (message) => messages.push(message))
  for (const [i, value] of values.entries()) watch(i + 1, { spread: value })
  return messages
}

test('reports an alarm when its mean passes the limit, with metric, mean and meaning', () => {
  expect(warnings([collapse], [0.06, 0.03, 0.03, 0.03])).toEqual([
    'gan: collapse at step 3: spread is 0.0400 on average over 3 steps, below 0.1: all are one',
  ])
})

test('reports no alarm for too few steps, single outliers and other metrics', () => {
  expect(warnings([collapse], [0, 0])).toEqual([])
  expect(warnings([collapse], [1, 1, 1, 0, 1, 0, 1])).toEqual([])
  expect(warnings([{ ...collapse, metric: 'other' }], [0, 0, 0, 0])).toEqual([])
  expect(warnings(undefined, [0])).toEqual([])
})

test('reports an alarm again after the metric recovered, and alarms above a limit', () => {
  expect(warnings([collapse], [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0])).toHaveLength(2)
  const winning = { ...collapse, below: undefined, above: 0.9 }
  expect(warnings([winning], [1, 1, 1])[0]).toContain('1.00 on average over 3 steps, above 0.9')
})
