import { type CropBox, expected, jpegCropper, type Resampling } from '@selfsup/core'
import { cropDecoded } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import { plainFrame } from './jpeg-frame.js'
import { decodingMemory } from './memory-budget.js'
import type { ImageReader } from './reading/reader.js'
import { resample } from './resample.js'

/** A square crop of an image, and the array for its pixels. */
export interface Cut {
  readonly box: CropBox
  /** side length of the result in pixels */
  readonly size: number
  /** resize the whole image like this and cut out its centre, instead of the box */
  readonly resampling?: Resampling
  /** [size * size * channels] */
  readonly target: Uint8Array
}

/**
 * Decodes an image and cuts square crops out of it, bilinear with antialiasing. Plain JPEGs are decoded by the engine's decoder,
 * if it has one, which decodes only what the crops need; all other files are decoded by the reader.
 * @param cuts returns the crops for the size of the image
 * @throws Error if the image cannot be decoded
 */
export async function cutCrops(
  images: EncodedImages,
  index: number,
  reader: ImageReader,
  cuts: (image: { readonly height: number; readonly width: number }) => readonly Cut[],
): Promise<void> {
  const { channels } = reader
  let file: Buffer | undefined
  if (reader.usual && !images.partOf) {
    file = await images.load(index)
    if (await cutPlainJpeg(file, channels as 1 | 3, cuts)) return
  }
  await reader.withImage(
    images,
    index,
    (image) =>
      Promise.all(
        cuts(image).map(async ({ box, size, target, resampling }) => {
          const crop = resampling
            ? resample(image, size, channels, resampling)
            : await cropDecoded(image, box, size, channels)
          expected(crop.length === target.length, `a crop of ${crop.length} bytes for ${target.length}`)
          target.set(crop)
        }),
      ),
    file,
  )
}

/** Bytes per pixel of a progressive JPEG: all coefficients, two bytes for each of three colours, are in memory before decoding. */
const PROGRESSIVE_BYTES = 6

/** Cuts the crops with the engine's decoder. @returns false if it cannot; sharp then decodes the file or reports the error */
async function cutPlainJpeg(
  file: Buffer,
  channels: 1 | 3,
  cuts: Parameters<typeof cutCrops>[3],
): Promise<boolean> {
  const cropper = jpegCropper()
  const frame = cropper && plainFrame(file, channels)
  if (!frame) return false
  const all = cuts(frame)
  if (all.some(({ resampling }) => resampling)) return false
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
