/**
 * Cuts square crops out of a JPEG on other threads, decoding only what they need: bilinear, antialiased.
 * @param file the whole file
 * @param crops left, top, width, height, size of each crop, in pixels
 * @param targets uint8 [size * size * channels] each, written in the order [row, column, channel]
 * @throws (rejects) when the file is no JPEG or ends too early
 */
export type JpegCropper = (
  file: Uint8Array,
  crops: Int32Array,
  targets: readonly Uint8Array[],
  channels: 1 | 3,
) => Promise<void>

let provided: JpegCropper | undefined

/** Called by an engine that brings a decoder of its own: what opens images later uses it. */
export function provideJpegCropper(cropper: JpegCropper): void {
  provided = cropper
}

/** The decoder of the engine that was prepared, if it has one. */
export function jpegCropper(): JpegCropper | undefined {
  return provided
}
