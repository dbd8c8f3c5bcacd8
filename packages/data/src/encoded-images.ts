/** Images as files, not yet decoded: a folder's, or a tar's. */
export interface EncodedImages {
  readonly name: string
  readonly count: number
  readonly classes?: readonly string[]
  readonly labels?: Int32Array
  /** for messages */
  pathOf(index: number): string
  /** the file's bytes */
  load(index: number): Promise<Buffer>
  /** changes when any file does; reads sizes and times of change */
  fingerprint(): Promise<string>
  close?(): Promise<void>
}
