import { SMALLEST_SIDE } from './decode.js'
import { MOST_PIXELS } from './image-header.js'

/** Size and colours of a JPEG, from its header. */
export interface Frame {
  readonly width: number
  readonly height: number
  /** number of colour components: 1 or 3 */
  readonly components: number
}

const [EXIF, ICC_PROFILE, ADOBE] = [0xe1, 0xe2, 0xee]
const [SCAN, END] = [0xda, 0xd9]

/**
 * Size and number of colours of a plain JPEG: not truncated, 8 bits, grey or YCbCr, upright, without a colour profile or an
 * Adobe colour transform, and not too large. For such a file, libjpeg-turbo computes the same pixels as sharp.
 * @param channels requested channels; a colour JPEG is not plain if 1 channel is requested
 * @returns undefined for any other file
 */
export function plainFrame(file: Buffer, channels: 1 | 3): Frame | undefined {
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return undefined
  if (file.readUInt16BE(file.length - 2) !== 0xff00 + END) return undefined
  let frame: Frame | undefined
  for (let at = 2; at + 4 <= file.length; at += 2 + file.readUInt16BE(at + 2)) {
    if (file[at] !== 0xff) return undefined
    const marker = file[at + 1]!
    if (marker === SCAN) return frame && fits(frame, channels) ? frame : undefined
    if (marker === ICC_PROFILE || marker === ADOBE) return undefined
    if (marker === EXIF && !isUpright(file.subarray(at + 4, at + 2 + file.readUInt16BE(at + 2))))
      return undefined
    const isFrame = marker >= 0xc0 && marker <= 0xc2
    if (!isFrame) continue
    if (at + 10 > file.length || file[at + 4] !== 8) return undefined
    frame = {
      height: file.readUInt16BE(at + 5),
      width: file.readUInt16BE(at + 7),
      components: file[at + 9]!,
    }
  }
  return undefined
}

function fits({ width, height, components }: Frame, channels: 1 | 3): boolean {
  if (components !== channels && components !== 1) return false
  return Math.min(width, height) >= SMALLEST_SIDE && width * height <= MOST_PIXELS
}

const ORIENTATION = 0x0112

/** Whether a segment's EXIF data say that the image is upright; false if they cannot be read. */
function isUpright(segment: Buffer): boolean {
  if (segment.subarray(0, 6).toString('latin1') !== 'Exif\0\0') return false // XMP, which sharp reads
  const tiff = segment.subarray(6)
  const order = tiff.subarray(0, 2).toString('latin1')
  if (order !== 'II' && order !== 'MM') return false
  const short = (at: number) => (order === 'II' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const long = (at: number) => (order === 'II' ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  try {
    const directory = long(4)
    for (let entry = 0; entry < short(directory); entry++) {
      const at = directory + 2 + 12 * entry
      if (short(at) === ORIENTATION) return short(at + 8) === 1
    }
    return true
  } catch {
    return false // an offset is beyond the end
  }
}
