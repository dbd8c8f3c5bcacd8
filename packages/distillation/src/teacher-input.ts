import { expected, type Normalisation, type Teacher } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { interpolate } from './local-distillation.js'

/** The student's images, and the channels that the teacher sees as red, green and blue. */
export interface StudentImages {
  readonly size: number
  readonly channels: number
  readonly normalisation: Normalisation
  readonly bands: readonly (number | 'auto')[]
}

/**
 * Creates the function from the student's normalised views to the teacher's input: its channels, its normalisation, its size.
 * A teacher of three channels sees three of the student's channels, or the only one three times.
 * @throws SelfsupError if the channels do not fit
 */
export function teacherInput(
  { model, normalisation, source }: Pick<Teacher, 'model' | 'normalisation' | 'source'>,
  student: StudentImages,
): (views: tf.Tensor4D) => tf.Tensor4D {
  const [, size, , channels] = model.inputs[0]!.shape as [null, number, number, number]
  const seen = channelsSeen(source, channels, student)
  // (x * std + mean - teacher's mean) / teacher's std, as one product and one sum for each channel.
  const { mean, std } = student.normalisation
  const scale = seen.map((from, to) => std[from]! / normalisation.std[to]!)
  const shift = seen.map((from, to) => (mean[from]! - normalisation.mean[to]!) / normalisation.std[to]!)
  const same = seen.length === student.channels && seen.every((from, to) => from === to)
  return (views) =>
    tf.tidy(() => {
      const chosen = same ? views : (tf.gather(views, tf.tensor1d(seen, 'int32'), 3) as tf.Tensor4D)
      return interpolate(tf.add(tf.mul(chosen, scale), shift), size, size)
    })
}

function channelsSeen(source: string, channels: number, { channels: own, bands }: StudentImages): number[] {
  if (channels !== 3) {
    expected(
      channels === own,
      `distillation: the teacher ${source} takes images of ${channels} ${channels === 1 ? 'channel' : 'channels'}, and these have ${own}; choose a teacher of ${own === 3 ? '3' : `${own} or 3`} channels`,
    )
    return Array.from({ length: own }, (_, channel) => channel)
  }
  expected(
    own !== 2 || bands.every((band) => band !== 'auto'),
    'distillation: the teacher takes 3 channels, and the images have 2; set red, green and blue to the channels that it should see',
  )
  return bands.map((band, position) => {
    const channel = band === 'auto' ? (own === 1 ? 0 : position) : band
    const name = ['red', 'green', 'blue'][position]
    expected(
      channel < own,
      `distillation: ${name} must be a channel of the images, 0 to ${own - 1}; got ${channel}`,
    )
    return channel
  })
}
