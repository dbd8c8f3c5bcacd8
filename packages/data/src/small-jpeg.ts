/// <reference path="./libjpeg-turbo.d.ts" />
import { type Pixels, SMALLEST_SIDE } from './decode.js'

/** Decodes a picture if it is a plain small JPEG; undefined says: ask sharp. */
export type SmallJpegDecoder = (file: Buffer, channels: 1 | 3) => Pixels | undefined

/** Up to this many pixels the setting up of sharp's pipeline, not the decoding, takes the time. */
const SMALL_AREA = 256 * 256

/**
 * libjpeg-turbo in WebAssembly, in this thread: the same library as within sharp, so the same pixels, at a tenth
 * of the cost for pictures like CIFAR's.
 */
export async function smallJpegDecoder(): Promise<SmallJpegDecoder> {
  const { default: libjpegTurbo } = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs')
  const decoder = new (await libjpegTurbo()).JPEGDecoder()
  return (file, channels) => {
    const frame = plainFrame(file)
    if (!frame || frame.width * frame.height > SMALL_AREA) return undefined
    if (frame.components !== channels && frame.components !== 1) return undefined
    if (Math.min(frame.width, frame.height) < SMALLEST_SIDE) return undefined
    const { width, height } = frame
    try {
      decoder.getEncodedBuffer(file.length).set(file)
      decoder.decode()
    } catch {
      return undefined // damaged: sharp says how
    }
    const decoded = decoder.getDecodedBuffer()
    if (decoded.length !== width * height * frame.components) return undefined
    const data = new Uint8Array(width * height * channels)
    if (frame.components === channels) data.set(decoded)
    else for (let i = 0; i < data.length; i++) data[i] = decoded[Math.floor(i / channels)]!
    return { data, width, height }
  }
}

interface Frame {
  readonly width: number
  readonly height: number
  readonly components: number
}

const [EXIF, ICC_PROFILE, ADOBE] = [0xe1, 0xe2, 0xee]
const [SCAN, END] = [0xda, 0xd9]

/**
 * Size and number of colours of a JPEG that is whole and whose pixels mean what they say: 8 bits, grey or YCbCr,
 * with no orientation, no colour profile and none of Adobe's colour transforms.
 */
function plainFrame(file: Buffer): Frame | undefined {
  if (file.length < 4 || file.readUInt16BE(0) !== 0xffd8) return undefined
  if (file.readUInt16BE(file.length - 2) !== 0xff00 + END) return undefined
  let frame: Frame | undefined
  for (let at = 2; at + 4 <= file.length; at += 2 + file.readUInt16BE(at + 2)) {
    if (file[at] !== 0xff) return undefined
    const marker = file[at + 1]!
    if (marker === SCAN) return frame
    if (marker === EXIF || marker === ICC_PROFILE || marker === ADOBE) return undefined
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
