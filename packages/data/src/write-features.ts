import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { expected, type ImagePart, SelfsupError } from '@selfsup/core'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { writeAtomically } from './atomic-file.js'

/** Features of images, one row each. */
export interface FeatureTable {
  /** [count, width] in row-major order */
  readonly values: Float32Array
  readonly count: number
  readonly width: number
  /** class numbers, -1 for an image without a class; length count */
  readonly labels?: ArrayLike<number>
  /** names of the classes, by class number */
  readonly classes?: readonly string[]
  /** paths of the images; length count */
  readonly paths?: readonly string[]
  /** parts of files that the images are, such as tiles; length count */
  readonly parts?: readonly ImagePart[]
}

/** Number of rows that are encoded at a time. */
const ROW_GROUP = 4096

/**
 * Writes features for other programs, in a format that depends on the file's extension:
 * - `.npy`: a float32 array [count, width] for numpy.load; labels, classes, paths and parts, if given, are written to a .json file
 *   of the same name;
 * - `.parquet`: one row per image with the columns path, page and x, y, width, height of a part, label, class (its name)
 *   and features, a list of floats. Columns without data are omitted.
 * The file is written atomically.
 * @throws SelfsupError for a different extension, lengths that do not match, or a folder that cannot be written to
 */
export async function writeFeatures(path: string, table: FeatureTable): Promise<void> {
  const { values, count, width, labels, classes, paths, parts } = table
  const ending = extname(path).toLowerCase()
  if (ending !== '.npy' && ending !== '.parquet') {
    throw new SelfsupError(
      `${path}: features are written as .npy or .parquet; got ${ending || 'no extension'}`,
    )
  }
  expected(
    values.length === count * width,
    `writeFeatures: values must be [${count}, ${width}], ${count * width} numbers; got ${values.length}`,
  )
  for (const [name, column] of Object.entries({ labels, paths, parts })) {
    expected(
      !column || column.length === count,
      `writeFeatures: ${name} must have ${count} items, one per image; got ${column?.length}`,
    )
  }
  if (ending === '.parquet') {
    await writeAtomically(path, values.byteLength, (file) => writeParquet(file, table))
    return
  }
  if (labels || paths || parts) {
    const facts = JSON.stringify({
      labels: labels && Array.from(labels),
      classes,
      paths,
      parts: parts?.map(({ page, box }) => ({
        page,
        box: box && [box.left, box.top, box.width, box.height],
      })),
    })
    const companionPath = join(dirname(path), `${basename(path, extname(path))}.json`)
    await writeAtomically(companionPath, facts.length, (file) => file.writeFile(facts))
  }
  await writeAtomically(path, values.byteLength, async (file) => {
    await file.writeFile(npyHead(count, width))
    await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  })
}

/** NumPy's format 1.0: magic, version, length of the description, description padded to 64 bytes. */
function npyHead(count: number, width: number): Buffer {
  const description = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${width}), }`
  const length = Math.ceil((10 + description.length + 1) / 64) * 64 - 10
  const head = Buffer.alloc(10 + length, ' ')
  head.write('\x93NUMPY\x01\x00', 'latin1')
  head.writeUInt16LE(length, 8)
  head.write(description, 10, 'latin1')
  head.write('\n', head.length - 1, 'latin1')
  return head
}

async function writeParquet(
  file: FileHandle,
  { values, count, width, labels, classes, paths, parts }: FeatureTable,
): Promise<void> {
  const named = labels && classes ? { labels, classes } : undefined
  const places = parts ? placeColumns(parts) : {}
  const columns = (paths ? 1 : 0) + Object.keys(places).length + (labels ? 1 : 0) + (named ? 1 : 0) + 1
  const bytes = new ByteWriter()
  const writer = new ParquetWriter({
    writer: bytes,
    createdBy: 'selfsup',
    statistics: false,
    // Compression hardly reduces the size of features.
    codec: 'UNCOMPRESSED',
    schema: [
      { name: 'root', num_children: columns },
      ...(paths ? [textColumn('path', 'REQUIRED')] : []),
      ...Object.keys(places).map((name) => ({ name, type: 'INT32', repetition_type: 'OPTIONAL' }) as const),
      ...(labels ? [{ name: 'label', type: 'INT32', repetition_type: 'REQUIRED' } as const] : []),
      ...(named ? [textColumn('class', 'OPTIONAL')] : []),
      { name: 'features', repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
    ],
  })
  const drain = async () => {
    await file.writeFile(new Uint8Array(bytes.buffer, 0, bytes.index))
    bytes.index = 0
  }
  for (let first = 0; first < count; first += ROW_GROUP) {
    const rows = Array.from({ length: Math.min(ROW_GROUP, count - first) }, (_, row) => first + row)
    const features = rows.map((row) => Array.from(values.subarray(row * width, (row + 1) * width)))
    await writer.write({
      columnData: [
        ...(paths ? [{ name: 'path', data: rows.map((row) => paths[row]!) }] : []),
        ...Object.entries(places).map(([name, column]) => ({
          name,
          data: rows.map((row) => column[row] ?? null),
        })),
        ...(labels ? [{ name: 'label', data: rows.map((row) => labels[row]!) }] : []),
        ...(named
          ? [{ name: 'class', data: rows.map((row) => named.classes[named.labels[row]!] ?? null) }]
          : []),
        { name: 'features', data: features },
      ],
      rowGroupSize: ROW_GROUP,
    })
    await drain()
  }
  await writer.finish()
  await drain()
}

/** The columns of parts that any image has. */
function placeColumns(parts: readonly ImagePart[]): Record<string, (number | undefined)[]> {
  const columns = {
    page: parts.map(({ page }) => page),
    x: parts.map(({ box }) => box?.left),
    y: parts.map(({ box }) => box?.top),
    width: parts.map(({ box }) => box?.width),
    height: parts.map(({ box }) => box?.height),
  }
  return Object.fromEntries(
    Object.entries(columns).filter(([, column]) => column.some((value) => value !== undefined)),
  )
}

function textColumn<Repetition extends 'REQUIRED' | 'OPTIONAL'>(name: string, repetition_type: Repetition) {
  return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type } as const
}
