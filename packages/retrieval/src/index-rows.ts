import { expected, SelfsupError } from '@selfsup/core'
import type { RecordBatch, Schema, Table } from 'apache-arrow'
import type { Lance } from './lance.js'

/** Images to add to an index. */
export interface NewImages {
  /** unique paths, which searches return */
  readonly paths: readonly string[]
  /** one per image; a stamp, such as size and modification time, must change when the image changes */
  readonly stamps: readonly string[]
  /** the folder or file that the images belong to */
  readonly source: string
  /** features, one row per image; any length except 0 */
  readonly values: Float32Array
  /** features per image */
  readonly width: number
}

/** The schema of an index's table. */
export function schemaOf({ arrow }: Lance, width: number): Schema {
  const { Field, FixedSizeList, Float32, Schema, Utf8 } = arrow
  return new Schema([
    new Field('path', new Utf8(), false),
    new Field('stamp', new Utf8(), false),
    new Field('source', new Utf8(), false),
    new Field('vector', new FixedSizeList(width, new Field('item', new Float32(), true)), false),
  ])
}

/**
 * Converts images to rows of the table and scales their features to length 1.
 * @throws SelfsupError with the image's path if features are not finite or all zero
 */
export function rowsOf(lance: Lance, images: NewImages): Table {
  const { makeData, makeVector, Float32, Table, Utf8, vectorFromArray } = lance.arrow
  const { paths, stamps, source, width } = images
  const schema = schemaOf(lance, width)
  const text = (values: readonly string[]) => vectorFromArray(values, new Utf8())
  const item = makeData({ type: new Float32(), data: unitRows(images) })
  const list = makeData({
    type: schema.fields[3]!.type as import('apache-arrow').FixedSizeList,
    length: paths.length,
    nullCount: 0,
    child: item,
  })
  return new Table(schema, {
    path: text(paths),
    stamp: text(stamps),
    source: text(paths.map(() => source)),
    vector: makeVector(list),
  })
}

function unitRows({ paths, values, width }: NewImages): Float32Array {
  const unit = new Float32Array(values.length)
  for (const [row, path] of paths.entries())
    unit.set(unitLength(values.subarray(row * width, (row + 1) * width), path), row * width)
  return unit
}

/**
 * Scales a vector to length 1.
 * @throws SelfsupError if its numbers are not finite or all zero
 */
export function unitLength(vector: Float32Array, path: string): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  expected(
    Number.isFinite(length) && length > 0,
    `${path}: its features are ${length === 0 ? 'all zero' : 'not finite'}, so they cannot be searched; the weights are damaged or the run has collapsed`,
  )
  return vector.map((value) => value / length)
}

/** The features of a batch: [rows, width], row by row. */
export function vectorsOf(batch: RecordBatch, width: number): Float32Array {
  const data = batch.getChild('vector')?.data[0]
  const values: unknown = data?.children[0]?.values
  if (!data || !(values instanceof Float32Array))
    throw new SelfsupError('the features of the index are not float32')
  return values.subarray(data.offset * width, (data.offset + batch.numRows) * width)
}

/** The texts of a batch's column. */
export function textsOf(batch: RecordBatch, column: string): string[] {
  const texts = batch.getChild(column)!
  return Array.from({ length: batch.numRows }, (_, row) => String(texts.get(row)))
}
