/** Images with features of length 1 that can be compared: an index on disk, or features in memory. */
export interface ComparableImages {
  /** features per image; undefined if there are no images */
  readonly width: number | undefined
  count(): Promise<number>
  /** All images in their order. */
  listing(): AsyncIterable<readonly { readonly path: string; readonly source: string }[]>
  /** Features of all images in the same order, from a row on, row after row. */
  rows(from?: number): AsyncIterable<{ readonly values: Float32Array }>
  /** Features of up to `count` images, drawn at random. */
  sample(
    count: number,
    seed?: number,
  ): Promise<{ readonly paths: readonly string[]; readonly values: Float32Array }>
}
