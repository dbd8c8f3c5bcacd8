import { encoderOf, type Method } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { lossesOf } from './steps.js'
import { asCrops, batchFor, imagesOf, type Subject, withMethod } from './subject.js'

/** Grey and colour images, whole or as crops, have a finite loss in each phase, and features. */
export async function takesGreyAndColour(subject: Subject): Promise<void> {
  for (const channels of subject.settings.channels ?? [3, 1])
    await withMethod(subject, { channels }, (method) => tf.tidy(() => takes(subject, method, channels)))
}

function takes(subject: Subject, method: Method, channels: 1 | 3): void {
  const kind = channels === 1 ? 'grey' : 'colour'
  const batch = batchFor(subject, method, channels)
  const batches = [batch, ...(batch.images && method.crops.length > 0 ? [asCrops(method, batch)] : [])]
  for (const [i, each] of batches.entries())
    for (const { phase, loss } of lossesOf(method, each))
      expect(loss, `${phase}: the loss of ${kind} ${i === 0 ? 'images' : 'crops'}`).toSatisfy(Number.isFinite)

  const { size } = imagesOf(subject)
  const normalised = (batch.values ??
    tf.randomNormal([2, size, size, channels], 0, 1, 'float32', 1)) as tf.Tensor4D
  const features = encoderOf(method)(normalised)
  expect(features.rank, `features of ${kind} images must be [batch, features]; their rank`).toBe(2)
  expect(features.shape[0]).toBe(normalised.shape[0])
  expect([...features.dataSync()].every(Number.isFinite), `features of ${kind} images are finite`).toBe(true)
}
