/** Type of the values that a file stores. Values of 64 bits are read as `float32`. */
export type ValueType = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32'

/** Values shown as 0 and as 255: one pair for all bands, or one for each. */
export interface ValueRange {
  readonly low: readonly number[]
  readonly high: readonly number[]
}

/** How the values in image files become pixels. Saved with a run, so that features are computed from the same pixels. */
export interface ImageReading {
  /**
   * Bands to use, which are the image's channels. `rgb`: red, green and blue; a single band gives all three, and of more bands the
   * first three are used. A list: numbers of bands, from 0. `all`: every band; resolved to a list when images are opened.
   */
  readonly bands: 'rgb' | 'all' | readonly number[]
  /**
   * Values shown as 0 and as 255. `image`: the lowest and the highest of each image. An object: fixed, by type of value; `any`
   * applies to all types. `auto`: 0 to 255 for 8-bit values, else percentiles of a sample; resolved when images are opened.
   */
  readonly range: 'auto' | 'image' | Readonly<Partial<Record<ValueType | 'any', ValueRange>>>
  /** colour behind transparent pixels, as `#rrggbb`. `auto`: white, or grey if the visible parts are white; resolved when images are opened */
  readonly background: string
  /**
   * Page of a file with several: of a TIFF, frame of a DICOM file, slice of a NIfTI volume, item of a NumPy array. A number from 0;
   * `auto`: the first, of a volume the middle; `all`: every page is an image.
   */
  readonly page: number | 'auto' | 'all'
  /** side length in pixels of square tiles into which images are cut, each of which is an image */
  readonly tile?: number
  /** distance between tiles in pixels; default: that of the tile, so that tiles do not overlap */
  readonly stride?: number
  /** only the formats and conversions of versions that did not save how images were read */
  readonly former?: boolean
}

/** Everything is chosen from the images. */
export const automaticReading: ImageReading = {
  bands: 'rgb',
  range: 'auto',
  background: 'auto',
  page: 'auto',
}

/** How images were read before runs saved it: 8 bits of JPEG, PNG, WebP, AVIF, GIF and TIFF, transparency on white. */
export const earlierReading: ImageReading = {
  bands: 'rgb',
  range: {},
  background: '#ffffff',
  page: 'auto',
  former: true,
}

/** Part of a file that is an image of its own. */
export interface ImagePart {
  /** page, slice or frame, from 0 */
  readonly page?: number
  /** region in pixels of the upright page */
  readonly box?: {
    readonly left: number
    readonly top: number
    readonly width: number
    readonly height: number
  }
}
