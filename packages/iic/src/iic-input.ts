import { expected, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { IicOptionValues } from './iic-options.js'
import { sobel } from './sobel.js'

/** What the backbone sees of images. */
export type IicInput = 'pixels' | 'sobel' | 'both'

/** Channels of each kind of input, of images of so many. */
export function inputChannels(input: IicInput, channels: number): number {
  return { pixels: channels, sobel: 2, both: channels + 2 }[input]
}

/** From normalised images [batch, height, width, channels] to what the backbone takes. */
export function inputOf(images: tf.Tensor4D, input: IicInput, normalisation: Normalisation): tf.Tensor4D {
  if (input === 'pixels') return images
  const edges = sobel(images, normalisation)
  return input === 'sobel' ? edges : tf.concat([images, edges], 3)
}

/**
 * Which input of images of how many channels a backbone takes.
 * @param taken channels that it takes
 * @param wanted `auto`: whichever fits
 * @param known channels of the images, where that is known; otherwise edges are taken to be those of coloured ones
 * @throws SelfsupError when the option asks for another number of channels
 */
export function inputFor(
  taken: number,
  wanted: IicOptionValues['input'],
  known?: number,
): { readonly channels: number; readonly input: IicInput } {
  const kinds: IicInput[] = wanted === 'auto' ? ['pixels', 'sobel', 'both'] : [wanted as IicInput]
  const possible = (known ? [known] : [3, 1]).flatMap((channels) =>
    kinds.map((input) => ({ channels, input, taken: inputChannels(input, channels) })),
  )
  const fitting = possible.find((one) => one.taken === taken)
  const numbers = [...new Set(possible.map((one) => one.taken))].sort()
  expected(
    fitting,
    `iic: with input '${wanted}' of pictures of ${known ?? '1 or 3'} channels the backbone must take ${numbers.join(' or ')} channels; it takes ${taken}`,
  )
  return fitting
}
