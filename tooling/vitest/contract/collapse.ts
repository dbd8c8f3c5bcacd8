import { type Alarm, type Method, phasesOf, trainableWeights } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { featureSpread } from '../../../packages/train/src/spread.js'
import { stepOf } from '../batches.js'
import { batchFor, type Subject, withMethod } from './subject.js'

/** What the loop sees of a step, by the names that alarms use. */
type Readings = Readonly<Record<string, number>>

/**
 * A network that makes one thing of all images is noticed: the spread of what the method shows as features is near 0, and
 * its alarm of a collapse is beyond its limit. Every alarm watches a metric that is reported.
 */
export async function noticesCollapse(subject: Subject): Promise<void> {
  const { collapsed = ['backbone'], alarmed = collapsed } = subject.settings
  const fresh = await readings(subject, [])
  const after = await readings(subject, collapsed)
  for (const [name, spread] of Object.entries(fresh).filter(([name]) => /(^|\/)spread$/.test(name))) {
    expect(spread, `${name} of fresh networks`).toBeGreaterThan(0.02)
    expect(after[name], `${name} of collapsed networks`).toBeLessThan(0.01)
  }
  const alarms = await withMethod(subject, {}, ({ alarms = [] }) => alarms)
  for (const alarm of alarms) {
    expect(Object.keys(fresh), `what the alarm ${alarm.name} watches`).toContain(alarm.metric)
    if (alarm.name !== 'collapse') continue
    expect(isRaised(alarm, fresh), `the alarm ${alarm.name} of fresh networks is raised`).toBe(false)
    const raised = isRaised(alarm, await readings(subject, alarmed))
    expect(raised, `the alarm ${alarm.name} of collapsed networks is raised`).toBe(true)
  }
}

/** Of one step with networks whose weights are zero. */
function readings(subject: Subject, collapsed: readonly string[]): Promise<Readings> {
  return withMethod(subject, {}, (method) =>
    tf.tidy(() => {
      for (const [name, weight] of Object.entries(trainableWeights(method.networks)))
        if (collapsed.some((network) => name.startsWith(`${network}/`))) weight.assign(tf.zerosLike(weight))
      return readingsOf(subject, method)
    }),
  )
}

function readingsOf(subject: Subject, method: Method): Readings {
  const batch = batchFor(subject, method)
  const several = phasesOf(method).length > 1
  return Object.fromEntries(
    phasesOf(method).flatMap((phase) => {
      const step = stepOf(phase)
      const views = method.views(batch, step)
      const targets = method.targets?.(views, step) as tf.TensorContainer
      const { loss, metrics, features } = method.loss(views, step, targets)
      const spread = featureSpread(features)
      const all = { loss, ...metrics, ...(spread && { spread }) }
      return Object.entries(all).map(
        ([name, value]) => [several ? `${phase}/${name}` : name, value.dataSync()[0]!] as const,
      )
    }),
  )
}

function isRaised({ metric, below, above }: Alarm, readings: Readings): boolean {
  const value = readings[metric]!
  return (below !== undefined && value < below) || (above !== undefined && value > above)
}
