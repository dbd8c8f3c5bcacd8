import { expected, type ImageShape } from '@selfsup/core'

/** Shape of images that can be opened from files. */
export interface FileImageShape {
  readonly size: number
  readonly channels: 1 | 3
}

/**
 * Checks that a network takes images that can be opened from files.
 * @param opened the folder of the network and the shape of its images, such as an `OpenedRun`
 * @throws SelfsupError if the images don't have 1 or 3 channels
 */
export function fileImageShape({
  folder,
  imageShape: { size, channels },
}: {
  readonly folder: string
  readonly imageShape: ImageShape
}): FileImageShape {
  expected(
    channels === 1 || channels === 3,
    `${folder}: its network takes images of ${channels} channels; only images of 1 or 3 channels can be opened`,
    { code: 'unsupported', path: folder },
  )
  return { size, channels }
}
