/// <reference path="./libjpeg-turbo.d.ts" />

import { plainFrame } from './jpeg-frame.js'
import type { Pixels } from './pixels.js'

/** Decodes an image if it is a small plain JPEG; returns undefined for other files, which sharp must decode. */
export type SmallJpegDecoder = (file: Buffer, channels: 1 | 3) => Pixels | undefined

/** Maximum number of pixels. Up to this size, setting up sharp's pipeline takes longer than decoding. */
const SMALL_AREA = 256 * 256

/**
 * Creates a decoder that runs libjpeg-turbo as WebAssembly in this thread. sharp uses the same library, so the pixels are the same;
 * for images like CIFAR's, this takes a tenth of the time.
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
      return undefined // damaged: sharp reports the error
    }
    const decoded = decoder.getDecodedBuffer()
    if (decoded.length !== width * height * frame.components) return undefined
    const data = new Uint8Array(width * height * channels)
    if (frame.components === channels) data.set(decoded)
    else for (let i = 0; i < data.length; i++) data[i] = decoded[Math.floor(i / channels)]!
    return { data, width, height }
  }
}
