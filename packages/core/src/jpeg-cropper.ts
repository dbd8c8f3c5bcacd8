/**
 * Cuts square crops out of a JPEG on other threads and decodes only the parts that they need. Resizing is bilinear with
 * antialiasing.
 * @param file content of the whole file
 * @param crops left, top, width, height and size of each crop, in pixels
 * @param targets one array per crop, uint8 [size * size * channels], filled in the order [row, column, channel]
 * @throws (rejects) if the file is not a JPEG or is truncated
 */
export type JpegCropper = (
  file: Uint8Array,
  crops: Int32Array,
  targets: readonly Uint8Array[],
  channels: 1 | 3,
) => Promise<void>

let provided: JpegCropper | undefined

/** Registers the decoder of an engine. Datasets that are opened afterwards use it. */
export function provideJpegCropper(cropper: JpegCropper): void {
  provided = cropper
}

/** The registered decoder, if the prepared engine has one. */
export function jpegCropper(): JpegCropper | undefined {
  return provided
}
