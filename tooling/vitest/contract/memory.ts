import { phasesOf } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { eagerly, trainerOf } from './steps.js'
import { batchFor, makeMethod, type Subject } from './subject.js'

/** Neither a step, run as it is or compiled, nor a method that was disposed of leaves tensors behind. */
export async function leaksNothing(subject: Subject): Promise<void> {
  const start = tf.memory().numTensors
  const { method, dispose } = makeMethod(subject)
  const optimizer = { name: 'sgd', momentum: 0.9 } as const
  for (const [how, engine] of [
    ['a compiled step', subject.engine],
    ['a step', eagerly(subject.engine)],
  ] as const) {
    const made = tf.memory().numTensors
    const trainer = trainerOf(method, batchFor(subject, method), engine, { optimizer, rate: 0.001 })
    try {
      await trainer.run(0) // captured, if the engine captures
      const before = tf.memory().numTensors
      await trainer.run(1)
      expect(tf.memory().numTensors - before, `tensors left by ${how}`).toBe(0)
    } finally {
      trainer.dispose()
    }
    expect(tf.memory().numTensors - made, `tensors left by ${how} that was disposed of`).toBe(0)
  }
  dispose()
  expect(
    tf.memory().numTensors - start,
    `tensors left by the method (phases ${phasesOf(method).join(', ')}) after its dispose(); create variables in tf.tidy, which frees their initial values`,
  ).toBe(0)
}
