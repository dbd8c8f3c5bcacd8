import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { expected } from '@selfsup/core'

/** A weight as a model.json describes it. */
export interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: { readonly dtype: string }
}

/** Files of weights and what they hold. */
export interface WeightGroup {
  readonly paths: readonly string[]
  readonly weights: readonly WeightSpec[]
}

/** Bytes of one number, by its type. Texts are not read: their length is not known from their shape. */
const sizes: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  float16: 2,
  uint16: 2,
  uint8: 1,
}

/** The object in a model.json. @throws SelfsupError when it is none */
export function modelOf(file: Buffer): Record<string, unknown> {
  const value: unknown = JSON.parse(file.toString('utf8'))
  expected(isObject(value), 'it must hold an object')
  return value
}

/**
 * The weights that a model.json names, checked.
 * @throws SelfsupError saying which part is not as it must be
 */
export function weightGroups(manifest: unknown): WeightGroup[] {
  expected(Array.isArray(manifest) && manifest.length > 0, 'it names no weights (weightsManifest)')
  for (const group of manifest) {
    const whole = isObject(group) && isTexts(group.paths) && Array.isArray(group.weights)
    expected(whole, 'each part of weightsManifest must have paths and weights')
    for (const weight of group.weights as unknown[]) {
      expected(isObject(weight) && typeof weight.name === 'string', 'a weight has no name')
      const { name, shape, dtype, quantization } = weight
      const stored = isObject(quantization) ? quantization.dtype : dtype
      expected(
        typeof dtype === 'string' && typeof stored === 'string' && Object.hasOwn(sizes, stored),
        `weight '${name}' is ${stored}; ${Object.keys(sizes).join(', ')} are read`,
      )
      expected(
        Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && side >= 0),
        `weight '${name}': its shape must be whole numbers from 0`,
      )
    }
  }
  return manifest as WeightGroup[]
}

/** Of a weight's numbers. */
export function bytesOf({ shape, dtype, quantization }: WeightSpec): number {
  return shape.reduce((product, side) => product * side, sizes[quantization?.dtype ?? dtype]!)
}

/**
 * A file that a model names, in the model's folder or below it.
 * @throws SelfsupError when it lies elsewhere, by its path or through a link
 */
export async function fileInside(folder: string, path: string): Promise<string> {
  const root = resolve(folder)
  const inside = (base: string, target: string) => {
    const way = relative(base, target)
    return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
  }
  const target = join(root, path)
  expected(!isAbsolute(path) && inside(root, target), `it names ${path}, which lies outside its folder`)
  expected(
    inside(await realpath(root), await realpath(target)),
    `it names ${path}, a link to a place outside its folder`,
  )
  return target
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
