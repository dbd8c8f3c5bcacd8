import { expected, type Normalisation } from '@selfsup/core'

/**
 * The kernel of a network's first layer for images with another number of channels, as timm's `adapt_input_conv` computes it
 * (timm/models/_manipulate.py): for one channel, the sum over red, green and blue; for other numbers, the three channels repeated and
 * scaled by 3 / channels, so that the layer's outputs keep their size.
 * @param kernel [filters, channels, height, width] in row order
 * @param shape of the kernel
 * @param channels of the images
 * @returns [filters, channels, height, width] in row order; the kernel itself if it has that many channels
 * @throws SelfsupError if the kernel has not 3 channels, and another number than the images
 */
export function adaptInputKernel(
  kernel: Float32Array,
  [filters, own, height, width]: readonly [number, number, number, number],
  channels: number,
): Float32Array {
  if (own === channels) return kernel
  expected(
    own === 3,
    `weights for images of ${own} ${own === 1 ? 'channel' : 'channels'} do not fit images of ${channels}: only weights of 3 channels can be adapted`,
  )
  const area = height * width
  const result = new Float32Array(filters * channels * area)
  const scale = Math.fround(3 / channels)
  for (let filter = 0; filter < filters; filter++)
    for (let channel = 0; channel < channels; channel++)
      for (let at = 0; at < area; at++) {
        const from = (which: number) => kernel[(filter * own + which) * area + at]!
        const value = channels === 1 ? Math.fround(from(0) + from(1)) + from(2) : from(channel % 3) * scale
        result[(filter * channels + channel) * area + at] = value
      }
  return result
}

/** Mean and standard deviation for another number of channels: for one channel the average of the three, else the three repeated. */
export function adaptNormalisation({ mean, std }: Normalisation, channels: number): Normalisation {
  const adapted = (values: readonly number[]) => {
    if (values.length === channels) return values
    const average = values.reduce((sum, value) => sum + value, 0) / values.length
    return Array.from({ length: channels }, (_, i) => (channels === 1 ? average : values[i % values.length]!))
  }
  return { mean: adapted(mean), std: adapted(std) }
}
