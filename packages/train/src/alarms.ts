import type { Alarm, Method } from '@selfsup/core'

/** State of one alarm. */
interface AlarmState {
  readonly alarm: Alarm
  mean: number
  seen: number
  raised: boolean
}

/**
 * Watches a method's alarms. An alarm is reported once, and again if its metric recovered in between.
 * @param warn receives one line with the metric, its mean and the limit
 * @returns a function to call after each step, with the number of finished steps and the metrics of the last one
 */
export function alarmsOf(
  { name: method, alarms = [] }: Pick<Method, 'name' | 'alarms'>,
  warn: (message: string) => void,
): (done: number, metrics: Readonly<Record<string, number>>) => void {
  const states: AlarmState[] = alarms.map((alarm) => ({ alarm, mean: 0, seen: 0, raised: false }))
  return (done, metrics) => {
    for (const state of states) {
      const { alarm } = state
      const value = metrics[alarm.metric]
      if (value === undefined) continue // belongs to a phase that this step did not run
      state.seen++
      // Mean of all values for the first `steps` values, then an exponential moving average.
      state.mean += (value - state.mean) / Math.min(state.seen, alarm.steps)
      const limit = limitPassed(alarm, state.mean)
      if (state.seen < alarm.steps) continue
      if (limit !== undefined && !state.raised) {
        warn(
          `${method}: ${alarm.name} at step ${done}: ${alarm.metric} is ${state.mean.toPrecision(3)} on average over ${alarm.steps} steps, ${limit}: ${alarm.message}`,
        )
      }
      state.raised = limit !== undefined
    }
  }
}

/** Describes the limit that a mean has passed; undefined if it has passed none. */
function limitPassed({ below, above }: Alarm, mean: number): string | undefined {
  if (below !== undefined && mean < below) return `below ${below}`
  if (above !== undefined && mean > above) return `above ${above}`
  return undefined
}
