import { expect, test } from 'vitest'
import { alarmsOf } from './alarms.js'

const collapse = { name: 'collapse', metric: 'spread', below: 0.1, steps: 3, says: 'all are one' }

function warnings(alarms: Parameters<typeof alarmsOf>[0]['alarms'], values: readonly number[]): string[] {
  const said: string[] = []
  const watch = alarmsOf({ name: 'gan', alarms }, (message) => said.push(message))
  for (const [i, value] of values.entries()) watch(i + 1, { spread: value })
  return said
}

test('an alarm is told once its mean has passed the limit, with metric, mean and meaning', () => {
  expect(warnings([collapse], [0.06, 0.03, 0.03, 0.03])).toEqual([
    'gan: collapse at step 3: spread is 0.0400 on average over 3 steps, below 0.1: all are one',
  ])
})

test('too few steps, single outliers and other metrics raise none', () => {
  expect(warnings([collapse], [0, 0])).toEqual([])
  expect(warnings([collapse], [1, 1, 1, 0, 1, 0, 1])).toEqual([])
  expect(warnings([{ ...collapse, metric: 'other' }], [0, 0, 0, 0])).toEqual([])
  expect(warnings(undefined, [0])).toEqual([])
})

test('it is told again when it was over in between; above a limit as below one', () => {
  expect(warnings([collapse], [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0])).toHaveLength(2)
  const winning = { ...collapse, below: undefined, above: 0.9 }
  expect(warnings([winning], [1, 1, 1])[0]).toContain('1.00 on average over 3 steps, above 0.9')
})
