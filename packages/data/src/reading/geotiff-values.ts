import { expected, SelfsupError, type ValueType } from '@selfsup/core'
import { optionalPackage } from './optional-package.js'
import type { ImageValues, Region, Values } from './values.js'

const loadGeotiff = () => optionalPackage('TIFF of this kind', 'geotiff', () => import('geotiff'))

/**
 * Reads the values of a directory of a TIFF by `geotiff`, for the kinds that sharp does not read unchanged: bands stored one after
 * the other, several bands of other types than 16 bits, 64-bit values.
 * @param file content of a file, or its path
 */
export async function geotiffValues(
  file: Buffer | string,
  directory: number,
  type: ValueType,
  region?: Region,
): Promise<Pick<ImageValues, 'data' | 'width' | 'height' | 'samples'>> {
  const { fromArrayBuffer, fromFile } = await loadGeotiff()
  try {
    const tiff =
      typeof file === 'string'
        ? await fromFile(file)
        : await fromArrayBuffer(
            file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
          )
    try {
      const image = await tiff.getImage(directory)
      const samples = image.getSamplesPerPixel()
      const window = region && [
        region.left,
        region.top,
        region.left + region.width,
        region.top + region.height,
      ]
      const read = await image.readRasters({ interleave: true, window })
      expected(read.length === read.width * read.height * samples, 'truncated or damaged')
      const data =
        type === 'float32' && !(read instanceof Float32Array) ? Float32Array.from(read) : (read as Values)
      return { data, width: read.width, height: read.height, samples }
    } finally {
      await tiff.close()
    }
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    throw new SelfsupError('truncated or damaged', { code: 'damaged-file', cause: error })
  }
}
