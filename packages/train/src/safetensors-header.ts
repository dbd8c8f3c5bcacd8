import { expected } from '@selfsup/core'
import type { HostTensor } from './host-tensor.js'

/** Where a tensor's bytes lie, from the first byte after the header. */
export interface SafetensorsEntry {
  readonly dtype: HostTensor['dtype']
  readonly shape: readonly number[]
  readonly data_offsets: readonly [from: number, to: number]
}

const dtypes: Readonly<Record<string, HostTensor['dtype']>> = { F32: 'float32', I32: 'int32', BOOL: 'bool' }
const sizes = { float32: 4, int32: 4, bool: 1 } as const

/**
 * The header of a safetensors file, as strictly as the format's own reader: every tensor has a known type, a shape of whole
 * numbers and as many bytes as that needs, and the tensors follow one another without gaps or overlaps from the first byte.
 * @returns metadata, and tensors in the order of their bytes
 * @throws SelfsupError naming the tensor that breaks a rule
 */
export function parseHeader(path: string, text: string) {
  const header = objectOf(text)
  expected(header, `${path} is damaged: its header is not valid JSON`)
  const { __metadata__: metadata = {}, ...rest } = header
  expected(
    isObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string'),
    `${path} is damaged: its metadata must be texts by name`,
  )
  const entries = Object.entries(rest).map(([name, value]) => [name, entryOf(path, name, value)] as const)
  expected(entries.length > 0, `${path} holds no tensors: its header is damaged`)
  entries.sort(([, { data_offsets: a }], [, { data_offsets: b }]) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const [name, { data_offsets }] of entries) {
    expected(
      data_offsets[0] === end,
      `${path}: tensor '${name}' begins at byte ${data_offsets[0]} where the one before it ends at ${end}`,
    )
    end = data_offsets[1]
  }
  return { metadata: metadata as Record<string, string>, entries }
}

function entryOf(path: string, name: string, value: unknown): SafetensorsEntry {
  const where = `${path}: tensor '${name}'`
  expected(isObject(value), `${where} is not described by an object`)
  const { dtype: code, shape, data_offsets, ...others } = value
  const unknown = Object.keys(others)
  expected(unknown.length === 0, `${where} has unknown properties: ${unknown.join(', ')}`)
  const dtype = typeof code === 'string' && Object.hasOwn(dtypes, code) ? dtypes[code] : undefined
  expected(dtype, `${where} has dtype ${code}; only F32, I32 and BOOL are read`)
  expected(isCounts(shape), `${where}: its shape must be whole numbers from 0`)
  expected(
    isCounts(data_offsets) && data_offsets.length === 2 && data_offsets[0]! <= data_offsets[1]!,
    `${where}: its offsets must be two rising whole numbers from 0`,
  )
  const [from, to] = data_offsets as [number, number]
  const size = shape.reduce((product, side) => product * side, sizes[dtype])
  expected(to - from === size, `${where} has ${to - from} bytes where its shape needs ${size}`)
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
