import { expected, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { IicOptionValues } from './iic-options.js'
import { sobel } from './sobel.js'

/** Input of the backbone. */
export type IicInput = 'pixels' | 'sobel' | 'both'

/** Number of channels of an input, for images with `channels` channels. */
export function inputChannels(input: IicInput, channels: number): number {
  return { pixels: channels, sobel: 2, both: channels + 2 }[input]
}

/** Converts normalised images [batch, height, width, channels] to the input of the backbone. */
export function inputOf(images: tf.Tensor4D, input: IicInput, normalisation: Normalisation): tf.Tensor4D {
  if (input === 'pixels') return images
  const edges = sobel(images, normalisation)
  return input === 'sobel' ? edges : tf.concat([images, edges], 3)
}

/**
 * Finds the input and the number of image channels that match a backbone.
 * @param backboneChannels number of channels of the backbone's input
 * @param wanted the option; `auto` allows every input
 * @param known number of channels of the images, if it is known; otherwise colour images are preferred
 * @throws SelfsupError when no input matches the backbone
 */
export function inputFor(
  backboneChannels: number,
  wanted: IicOptionValues['input'],
  known?: number,
): { readonly channels: number; readonly input: IicInput } {
  const kinds: IicInput[] = wanted === 'auto' ? ['pixels', 'sobel', 'both'] : [wanted as IicInput]
  const possible = (known ? [known] : [3, 1]).flatMap((channels) =>
    kinds.map((input) => ({ channels, input, backboneChannels: inputChannels(input, channels) })),
  )
  const fitting = possible.find((one) => one.backboneChannels === backboneChannels)
  const numbers = [...new Set(possible.map((one) => one.backboneChannels))].sort()
  expected(
    fitting,
    `iic: for input '${wanted}' and images with ${known ?? '1 or 3'} channels the backbone's input must have ${numbers.join(' or ')} channels; got ${backboneChannels}`,
  )
  return fitting
}
