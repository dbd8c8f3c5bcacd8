import type { Alarm, Method } from '@selfsup/core'

/** How one alarm stands. */
interface Watched {
  readonly alarm: Alarm
  mean: number
  seen: number
  raised: boolean
}

/**
 * Watches a method's alarms: each is told once, and again when it was over in between.
 * @param warn given one line that names metric, mean and limit
 * @returns called with the number of steps done and what the last of them reported
 */
export function alarmsOf(
  { name: method, alarms = [] }: Pick<Method, 'name' | 'alarms'>,
  warn: (message: string) => void,
): (done: number, metrics: Readonly<Record<string, number>>) => void {
  const all: Watched[] = alarms.map((alarm) => ({ alarm, mean: 0, seen: 0, raised: false }))
  return (done, metrics) => {
    for (const watched of all) {
      const { alarm } = watched
      const value = metrics[alarm.metric]
      if (value === undefined) continue // of a phase that this step has not
      watched.seen++
      // Over the values so far until there are enough, then as an exponential mean over so many.
      watched.mean += (value - watched.mean) / Math.min(watched.seen, alarm.steps)
      const limit = limitPassed(alarm, watched.mean)
      if (watched.seen < alarm.steps) continue
      if (limit !== undefined && !watched.raised) {
        warn(
          `${method}: ${alarm.name} at step ${done}: ${alarm.metric} is ${watched.mean.toPrecision(3)} on average over ${alarm.steps} steps, ${limit}: ${alarm.says}`,
        )
      }
      watched.raised = limit !== undefined
    }
  }
}

/** Which limit a mean is beyond, in words. */
function limitPassed({ below, above }: Alarm, mean: number): string | undefined {
  if (below !== undefined && mean < below) return `below ${below}`
  if (above !== undefined && mean > above) return `above ${above}`
  return undefined
}
