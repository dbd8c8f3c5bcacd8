import type { CropSpec } from './dataset.js'

/** A rectangle in an image, in whole pixels. */
export interface CropBox {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

/** Number of uniform random numbers per box: ten attempts with area, ratio, top and left. */
export const DRAWS_PER_BOX = 40

/**
 * Draws the box of a random resized crop (torchvision's RandomResizedCrop). Up to ten attempts draw an area within `scale` and
 * an aspect ratio within `ratio`; the first box that fits is returned. If none fits, returns the largest centred box with
 * an allowed ratio.
 *
 * For a whole batch, pass `uniforms(derive(seed, spec.stream), batch * DRAWS_PER_BOX)`, laid out as
 * [batch][attempt][area, ratio, top, left]. `randomCropBoxes` of @selfsup/augment draws the same boxes on the device.
 * @param u uniform random numbers in [0, 1); DRAWS_PER_BOX of them are read, starting at `offset`
 */
export function randomResizedCropBox(
  u: ArrayLike<number>,
  height: number,
  width: number,
  { scale, ratio }: Pick<CropSpec, 'scale' | 'ratio'>,
  offset = 0,
): CropBox {
  const logRatio = [Math.log(ratio[0]), Math.log(ratio[1])] as const
  for (let draw = offset; draw < offset + DRAWS_PER_BOX; draw += 4) {
    const area = (scale[0] + u[draw]! * (scale[1] - scale[0])) * height * width
    const aspect = Math.exp(logRatio[0] + u[draw + 1]! * (logRatio[1] - logRatio[0]))
    const w = Math.floor(Math.sqrt(area * aspect) + 0.5)
    const h = Math.floor(Math.sqrt(area / aspect) + 0.5)
    if (w < 1 || w > width || h < 1 || h > height) continue
    return {
      top: Math.floor(u[draw + 2]! * (height - h + 1)),
      left: Math.floor(u[draw + 3]! * (width - w + 1)),
      height: h,
      width: w,
    }
  }
  return centralCropBox(height, width, ratio)
}

/** The largest centred box whose ratio of width to height is within `ratio`. */
export function centralCropBox(height: number, width: number, ratio: readonly [number, number]): CropBox {
  let [h, w] = [height, width]
  if (width / height < ratio[0]) h = Math.round(width / ratio[0])
  else if (width / height > ratio[1]) w = Math.round(height * ratio[1])
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w }
}
