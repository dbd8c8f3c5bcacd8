/// <reference path="./libjpeg-turbo.d.ts" />

import { plainFrame } from './jpeg-frame.js'
import type { Pixels } from './pixels.js'

/** Decodes a image if it is a plain small JPEG; undefined says: ask sharp. */
export type SmallJpegDecoder = (file: Buffer, channels: 1 | 3) => Pixels | undefined

/** Up to this many pixels the setting up of sharp's pipeline, not the decoding, takes the time. */
const SMALL_AREA = 256 * 256

/**
 * libjpeg-turbo in WebAssembly, in this thread: the same library as within sharp, so the same pixels, at a tenth
 * of the cost for images like CIFAR's.
 */
export async function smallJpegDecoder(): Promise<SmallJpegDecoder> {
  const { default: libjpegTurbo } = await import('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs')
  const decoder = new (await libjpegTurbo()).JPEGDecoder()
  return (file, channels) => {
    const frame = plainFrame(file, channels)
    if (!frame || frame.width * frame.height > SMALL_AREA) return undefined
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
