import { expect, test } from 'vitest'
import { Stopwatch } from './stopwatch.js'

/** A stopwatch whose laps take the given seconds. */
function timed(laps: readonly number[]): Stopwatch {
  let now = 0
  const watch = new Stopwatch(20, () => now)
  for (const seconds of laps) {
    now += 1000 * seconds
    watch.lap(64)
  }
  return watch
}

test('the lap that compiles is never part of an estimate, and there is none before three steady laps', () => {
  expect(timed([]).secondsPerLap).toBeUndefined()
  expect(timed([100]).secondsPerLap).toBeUndefined()
  expect(timed([100, 2, 2]).secondsPerLap).toBeUndefined()
  expect(timed([100, 2, 2, 2]).secondsPerLap).toBe(2)
  expect(timed([100, 2, 2, 2]).imagesPerSecond).toBe(32)
})

test('no estimate from a few laps that differ by more than a factor of 2; after ten, their average', () => {
  expect(timed([100, 9, 2, 2]).secondsPerLap).toBeUndefined()
  expect(timed([100, 9, 2, 2, 2]).secondsPerLap).toBe(3.75)
  expect(timed([100, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]).secondsPerLap).toBe(2)
})

test('time that is left out, such as for a checkpoint, is not part of a lap', () => {
  let now = 0
  const watch = new Stopwatch(20, () => now)
  for (let lap = 0; lap < 4; lap++) {
    now += 2000
    watch.leaveOut(1)
    watch.lap(8)
  }
  expect(watch.secondsPerLap).toBe(1)
  expect(watch.lastLap).toBe(1)
  expect(timed([5]).lastLap).toBeUndefined()
})
