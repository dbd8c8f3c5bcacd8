import { type ErrorDetails, expected } from '@selfsup/core'

/** Header entry of a tensor; offsets are relative to the first byte after the header. */
export interface SafetensorsEntry {
  /** type as the format names it, such as `F32` */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [from: number, to: number]
}

/** Details of errors about a file whose content is damaged. */
export function damagedFile(path: string): ErrorDetails {
  return { code: 'damaged-file', path }
}

/**
 * Parses the header of a safetensors file, with the checks of the format's reference reader: every tensor has a known type, a
 * shape of whole numbers and the number of bytes that its shape needs, and the tensors are contiguous from the first byte on.
 * @param sizes bytes per value of the types that the caller reads
 * @returns metadata, and tensors in the order of their bytes
 * @throws SelfsupError that names the tensor that breaks a rule
 */
export function parseHeader(path: string, text: string, sizes: Readonly<Record<string, number>>) {
  const header = objectOf(text)
  expected(header, `${path} is damaged: its header is not valid JSON`, damagedFile(path))
  const { __metadata__: metadata = {}, ...rest } = header
  expected(
    isObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string'),
    `${path} is damaged: its metadata must be an object of strings`,
    damagedFile(path),
  )
  const entries = Object.entries(rest).map(
    ([name, value]) => [name, entryOf(path, name, value, sizes)] as const,
  )
  expected(entries.length > 0, `${path} contains no tensors: its header is damaged`, damagedFile(path))
  entries.sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const [name, { data_offsets }] of entries) {
    expected(
      data_offsets[0] === end,
      `${path}: tensor '${name}' starts at byte ${data_offsets[0]}, but the previous one ends at ${end}`,
      damagedFile(path),
    )
    end = data_offsets[1]
  }
  return { metadata: metadata as Record<string, string>, entries }
}

function entryOf(
  path: string,
  name: string,
  value: unknown,
  sizes: Readonly<Record<string, number>>,
): SafetensorsEntry {
  const where = `${path}: tensor '${name}'`
  expected(isObject(value), `${where} must be described by an object`, damagedFile(path))
  const { dtype, shape, data_offsets, ...others } = value
  const unknown = Object.keys(others)
  expected(unknown.length === 0, `${where} has unknown properties: ${unknown.join(', ')}`, damagedFile(path))
  expected(
    typeof dtype === 'string' && Object.hasOwn(sizes, dtype),
    `${where} has dtype ${dtype}; supported: ${Object.keys(sizes).join(', ')}`,
    { code: 'unsupported', path },
  )
  expected(
    isCounts(shape),
    `${where}: its shape must be a list of whole numbers of at least 0`,
    damagedFile(path),
  )
  expected(
    isCounts(data_offsets) && data_offsets.length === 2 && data_offsets[0]! <= data_offsets[1]!,
    `${where}: its offsets must be two ascending whole numbers of at least 0`,
    damagedFile(path),
  )
  const [from, to] = data_offsets as [number, number]
  const size = shape.reduce((product, side) => product * side, sizes[dtype]!)
  expected(
    to - from === size,
    `${where} has ${to - from} bytes, but its shape needs ${size}`,
    damagedFile(path),
  )
  return { dtype, shape, data_offsets: [from, to] }
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)
}
