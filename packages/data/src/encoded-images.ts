/** Encoded image files of a folder or a tar. */
export interface EncodedImages {
  readonly name: string
  readonly count: number
  readonly classes?: readonly string[]
  readonly labels?: Int32Array
  /** Path of an image, for messages. */
  pathOf(index: number): string
  /** Reads the bytes of a file. */
  load(index: number): Promise<Buffer>
  /** Identifies the files by their sizes and modification times. */
  fingerprint(): Promise<string>
  close?(): Promise<void>
}
