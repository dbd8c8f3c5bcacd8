import type { ImagePart } from '@selfsup/core'

/** Encoded image files of a folder or a tar, or parts of them. */
export interface EncodedImages {
  readonly name: string
  readonly count: number
  readonly classes?: readonly string[]
  readonly labels?: Int32Array
  /** Path of an image, for messages. */
  pathOf(index: number): string
  /** Reads the bytes of a file. */
  load(index: number): Promise<Buffer>
  /** Says which files are needed next, in order, so that slow ones are loaded ahead. */
  prefetch?(indices: Iterable<number>): void
  /** The files of `prefetch` are not needed any more. */
  forget?(): void
  /** Part of the file that an image is; absent if all images are whole files. */
  partOf?(index: number): ImagePart
  /** Path of an image's file on disk; absent if the images are in archives. */
  fileOf?(index: number): string
  /** Up to 64 positions for each extension, evenly spaced, to look at files of each kind; default: all are of one kind. */
  readonly examples?: ReadonlyMap<string, readonly number[]>
  /** Identifies the files by their sizes and modification times. */
  fingerprint(): Promise<string>
  close?(): Promise<void>
}
