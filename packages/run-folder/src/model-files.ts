import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { expected } from '@selfsup/core'

/** A weight as a model.json describes it. */
export interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: { readonly dtype: string; readonly scale?: number; readonly min?: number }
}

/** Weight files and the weights in them. */
export interface WeightGroup {
  readonly paths: readonly string[]
  readonly weights: readonly WeightSpec[]
}

/** Bytes per number, by type. Strings are not supported: their length does not follow from the shape. */
const sizes: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  float16: 2,
  uint16: 2,
  uint8: 1,
}

/** Parses model.json. @throws SelfsupError if it does not contain an object */
export function parseModelFile(file: Buffer): Record<string, unknown> {
  const value: unknown = JSON.parse(file.toString('utf8'))
  expected(isObject(value), 'it must contain an object')
  return value
}

/**
 * Checks the weights manifest of a model.json.
 * @throws SelfsupError that names the invalid part
 */
export function weightGroups(manifest: unknown): WeightGroup[] {
  expected(Array.isArray(manifest) && manifest.length > 0, 'it contains no weights (weightsManifest)')
  for (const group of manifest) {
    const whole = isObject(group) && isStrings(group.paths) && Array.isArray(group.weights)
    expected(whole, 'each entry of weightsManifest must have paths and weights')
    for (const weight of group.weights as unknown[]) {
      expected(isObject(weight) && typeof weight.name === 'string', 'a weight has no name')
      const { name, shape, dtype, quantization } = weight
      const stored = isObject(quantization) ? quantization.dtype : dtype
      expected(
        typeof dtype === 'string' && typeof stored === 'string' && Object.hasOwn(sizes, stored),
        `weight '${name}' has type ${stored}; expected one of ${Object.keys(sizes).join(', ')}`,
      )
      expected(
        Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && side >= 0),
        `weight '${name}': its shape must be whole numbers >= 0`,
      )
    }
  }
  return manifest as WeightGroup[]
}

/** Size of a weight in bytes. */
export function weightBytes({ shape, dtype, quantization }: WeightSpec): number {
  return shape.reduce((product, side) => product * side, sizes[quantization?.dtype ?? dtype]!)
}

/**
 * Path of a file that a model names, in the model's folder or below it.
 * @throws SelfsupError if the file is elsewhere, by its path or through a link
 */
export async function fileInside(folder: string, path: string): Promise<string> {
  const root = resolve(folder)
  const inside = (base: string, target: string) => {
    const path = relative(base, target)
    return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
  }
  const target = join(root, path)
  expected(!isAbsolute(path) && inside(root, target), `it names ${path}, which is outside its folder`)
  expected(
    inside(await realpath(root), await realpath(target)),
    `it names ${path}, a link to a file outside its folder`,
  )
  return target
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
