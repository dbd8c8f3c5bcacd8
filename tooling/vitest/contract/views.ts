import type { Method } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { stepOf } from '../batches.js'
import { batchFor, type Subject, tensorsIn, valuesOf, withMethod } from './subject.js'

/** Views are the same for the same seed, and differ between seeds unless the method says that they draw nothing. */
export async function viewsFollowTheSeed(subject: Subject): Promise<void> {
  await withMethod(subject, {}, (method) =>
    tf.tidy(() => {
      const batch = batchFor(subject, method)
      const phase = Object.keys(method.phases ?? { main: [] })[0]!
      const viewsOf = (seed: readonly [number, number]) =>
        valuesOf(tensorsIn(method.views(batch, stepOf(phase, { seed }))))
      const [first, other, again] = [viewsOf([5, 6]), viewsOf([7, 8]), viewsOf([5, 6])]
      expect(first.length, 'views hold no tensors').toBeGreaterThan(0)
      expect(same(first, again), 'views of one seed differ from call to call').toBe(true)
      if (subject.settings.randomViews === false)
        expect(same(first, other), 'views differ between seeds, though randomViews is false').toBe(true)
      else expect(same(first, other), 'views of different seeds are the same').toBe(false)
    }),
  )
}

/** An order of its own comes from the seed, stays within the dataset, and has as many whole batches in every epoch. */
export async function orderFollowsTheSeed(subject: Subject): Promise<void> {
  await withMethod(subject, {}, (method) => {
    if (!method.order) return
    const batchSize = subject.settings.batchSize ?? 8
    const labels = Int32Array.from({ length: 4 * batchSize }, (_, i) => i % 4)
    const of = (epoch: number, seed: readonly [number, number]) =>
      orderOf(method, { length: labels.length, labels }, { batchSize, epoch, seed })
    const first = of(0, [1, 2])
    expect(of(0, [1, 2]), 'the order of one seed differs from call to call').toEqual(first)
    expect(of(0, [3, 4]), 'orders of different seeds are the same').not.toEqual(first)
    expect(Math.max(...first), 'the order names positions beyond the dataset').toBeLessThan(labels.length)
    const batches = (order: readonly number[]) => Math.floor(order.length / batchSize)
    expect(batches(first), 'the order holds no whole batch').toBeGreaterThan(0)
    expect(batches(of(1, [5, 6])), 'epochs have different numbers of batches').toBe(batches(first))
  })
}

function orderOf(method: Method, ...args: Parameters<NonNullable<Method['order']>>): number[] {
  return [...method.order!(...args)]
}

function same(a: readonly number[][], b: readonly number[][]): boolean {
  return (
    a.length === b.length &&
    a.every((values, i) => values.length === b[i]!.length && values.every((value, j) => value === b[i]![j]))
  )
}
