import { earlierReading, type ImageReading, type ImageShape } from '@selfsup/core'

/** Shape of images that are opened from files, and how they are read. */
export interface FileImageShape {
  readonly size: number
  readonly channels: number
  readonly reading: ImageReading
}

/**
 * The images that a network takes.
 * @param opened the shape of its images and how they were read, such as an `OpenedRun`. Without a reading, files are read as by
 *   versions that did not save it; a network of another number of channels than 1 and 3 takes that many bands
 */
export function fileImageShape({
  imageShape: { size, channels },
  reading,
}: {
  readonly imageShape: ImageShape
  readonly reading?: ImageReading
}): FileImageShape {
  const given = reading ?? earlierReading
  if (given.bands !== 'rgb' || channels === 1 || channels === 3) return { size, channels, reading: given }
  const bands = Array.from({ length: channels }, (_, band) => band)
  return { size, channels, reading: { ...given, range: 'auto', bands, former: undefined } }
}

/** The reading of a network's images, with the user's changes. */
export function overrideReading(
  reading: ImageReading,
  changes: Partial<ImageReading> | undefined,
): Partial<ImageReading> {
  if (!changes || Object.keys(changes).length === 0) return reading
  return { ...reading, ...changes, former: undefined }
}
