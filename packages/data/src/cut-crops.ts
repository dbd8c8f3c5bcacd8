import { type CropBox, expected, jpegCropper } from '@selfsup/core'
import { cropDecoded, withDecoded } from './decode.js'
import { plainFrame } from './jpeg-frame.js'
import { decodingMemory } from './memory-budget.js'

/** A square cut out of a image, and where its pixels go. */
export interface Cut {
  readonly box: CropBox
  /** side of the result */
  readonly size: number
  /** [size * size * channels] */
  readonly target: Uint8Array
}

/**
 * Decodes a image and cuts squares out of it, bilinear with antialiasing: a plain JPEG by the engine's decoder,
 * where it brings one, which decodes no more than the squares need; any other by sharp.
 * @param cuts which squares, once the image's size is known
 * @throws Error when the image cannot be decoded
 */
export async function cutCrops(
  file: Buffer,
  channels: 1 | 3,
  cuts: (image: { readonly height: number; readonly width: number }) => readonly Cut[],
): Promise<void> {
  if (await cutPlainJpeg(file, channels, cuts)) return
  await withDecoded(file, channels, (image) =>
    Promise.all(
      cuts(image).map(async ({ box, size, target }) => {
        const crop = await cropDecoded(image, box, size, channels)
        expected(crop.length === target.length, `a crop of ${crop.length} bytes for ${target.length}`)
        target.set(crop)
      }),
    ),
  )
}

/** A progressive JPEG's coefficients, two bytes for each of three colours, are all held before the first line is made. */
const PROGRESSIVE_BYTES = 6

/** Whether it was a JPEG that the engine's decoder could cut; what it cannot is sharp's to judge. */
async function cutPlainJpeg(
  file: Buffer,
  channels: 1 | 3,
  cuts: Parameters<typeof cutCrops>[2],
): Promise<boolean> {
  const cropper = jpegCropper()
  const frame = cropper && plainFrame(file, channels)
  if (!frame) return false
  const all = cuts(frame)
  const numbers = all.flatMap(({ box: { left, top, width, height }, size }) => [
    left,
    top,
    width,
    height,
    size,
  ])
  try {
    await decodingMemory(frame.width * frame.height * PROGRESSIVE_BYTES, () =>
      cropper(
        file,
        Int32Array.from(numbers),
        all.map(({ target }) => target),
        channels,
      ),
    )
    return true
  } catch {
    return false
  }
}
