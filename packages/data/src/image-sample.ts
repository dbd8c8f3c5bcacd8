import type { HostImages } from '@selfsup/core'

/** Properties of an image file. */
export interface FileFacts {
  /** of the upright image, in pixels */
  readonly width: number
  readonly height: number
  /** format, such as `jpeg` */
  readonly format: string
  /** colour space, such as `srgb`, `b-w`, `cmyk`, `grey16` */
  readonly space: string
  /** bits per value in the file: 1, 8, 16 or 32 */
  readonly bits: number
  readonly transparent: boolean
  /** number of frames of an animation or pages of a TIFF */
  readonly pages: number
  /** number of bands, if they are not grey or red, green and blue */
  readonly bands?: number
}

/** A random sample of a dataset's images, as small squares. */
export interface ImageSample {
  readonly name: string
  /** number of images in the dataset, readable or not */
  readonly count: number
  /** number of images in the sample, readable or not */
  readonly looked: number
  /** centre squares of the readable images of the sample, [images, size, size, 1 or 3], 0..255 */
  readonly images: HostImages
  /** positions of these images in the dataset, ascending */
  readonly indices: Int32Array
  /** width and height of each of these images, upright */
  readonly sizes: readonly (readonly [width: number, height: number])[]
  /** properties of the files in the same order, if the images are files */
  readonly files?: readonly FileFacts[]
  /** images of the sample that could not be read */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[]
  readonly classes?: readonly string[]
  /** Path of an image, by its position in the dataset. */
  pathOf?(index: number): string
}
