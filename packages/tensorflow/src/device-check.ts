import { readFileSync } from 'node:fs'
import { basename, dirname, sep } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Major versions of NVIDIA's libraries that TensorFlow 2.21 is built for. */
const MAJORS: Readonly<Record<string, number>> = {
  cudart: 12,
  cublas: 12,
  cublasLt: 12,
  cudnn: 9,
  cusparse: 12,
  cufft: 11,
}

/**
 * Computes a small convolution, a matrix product and a sum on the current backend's device, and compares them with plain
 * JavaScript. All numbers are small integers, which are exact in TensorFloat-32 and bfloat16 too. With libraries of another major
 * version of CUDA, TensorFlow's kernels return NaN without any error.
 * @param folder the installation's folder; NVIDIA's libraries from elsewhere are named as the likely cause
 * @param maps the memory map of this process, as Linux lists it
 * @throws SelfsupError if the device computes something else, or can't compute
 */
export async function checkDevice(
  folder: string,
  maps: () => string = () => readFileSync('/proc/self/maps', 'utf8'),
): Promise<void> {
  const image = integers([1, 6, 6, 8], 5)
  const filter = integers([3, 3, 8, 8], 3)
  const [left, right] = [integers([16, 32], 7), integers([32, 8], 4)]
  const checks: readonly [name: string, compute: () => tf.Tensor, expected: number[]][] = [
    [
      'a convolution',
      () => tf.conv2d(tensor(image) as tf.Tensor4D, tensor(filter) as tf.Tensor4D, 1, 'valid'),
      convolution(image.values, filter.values),
    ],
    ['a matrix product', () => tf.matMul(tensor(left), tensor(right)), product(left.values, right.values)],
    [
      'a sum',
      () => tf.sum(tensor(left), 0),
      Array.from({ length: 32 }, (_, column) =>
        left.values.reduce((sum, value, i) => (i % 32 === column ? sum + value : sum), 0),
      ),
    ],
  ]
  for (const [name, compute, expected] of checks) {
    const got = await valuesOf(compute, name, folder, maps)
    const at = expected.findIndex(
      (value, i) => !(Math.abs(got[i]! - value) <= 0.02 * Math.max(1, Math.abs(value))),
    )
    if (at >= 0) throw wrong(`${name} returned ${got[at]} instead of ${expected[at]}`, folder, maps)
  }
}

async function valuesOf(
  compute: () => tf.Tensor,
  name: string,
  folder: string,
  maps: () => string,
): Promise<ArrayLike<number>> {
  const result = tf.tidy(compute)
  try {
    return await result.data()
  } catch (error) {
    throw wrong(
      `${name} failed (${error instanceof Error ? error.message.split('\n')[0] : error})`,
      folder,
      maps,
    )
  } finally {
    result.dispose()
  }
}

function wrong(what: string, folder: string, maps: () => string): SelfsupError {
  const cause = foreignLibraries(folder, maps())[0]
  return new SelfsupError(
    `the GPU computes wrong results: ${what}${cause ? `; the likely cause is ${cause}` : ''}`,
    {
      code: 'engine-broken',
      fix: cause
        ? "remove that folder from LD_LIBRARY_PATH and from the system's library path, so that TensorFlow loads the libraries that were installed with it"
        : 'update the NVIDIA driver, or compute on the processor: set CUDA_VISIBLE_DEVICES to an empty value',
    },
  )
}

/**
 * NVIDIA's libraries that this process has loaded from another folder than the installation's, those of another major version
 * than TensorFlow needs first.
 * @param maps a process's memory map, as Linux lists it in /proc/PID/maps
 * @returns descriptions: `libcudart.so.13.0.96 of CUDA 13 in /usr/local/cuda/lib64 (TensorFlow needs version 12)`
 */
export function foreignLibraries(folder: string, maps: string): string[] {
  const root = `${dirname(dirname(folder))}${sep}`
  const paths = new Set(
    maps.match(/\/\S*\/lib(?:cudart|cublas|cublasLt|cudnn\w*|cufft|cusparse)\.so[.\d]*$/gm),
  )
  return [...paths]
    .filter((path) => !path.startsWith(root))
    .map((path) => {
      const [, name = '', major = ''] = /^lib(\w+)\.so\.?(\d*)/.exec(basename(path)) ?? []
      const needed = MAJORS[name.startsWith('cudnn') ? 'cudnn' : name]
      const other = major !== '' && needed !== undefined && Number(major) !== needed
      const line = `${basename(path)} in ${dirname(path)}${other ? ` (TensorFlow needs version ${needed})` : ''}`
      return { other, line }
    })
    .sort((a, b) => Number(b.other) - Number(a.other))
    .map(({ line }) => line)
}

interface Values {
  readonly shape: number[]
  readonly values: number[]
}

/** Integers from -1 to `most` - 2 without a simple pattern. */
function integers(shape: number[], most: number): Values {
  const length = shape.reduce((all, side) => all * side, 1)
  return { shape, values: Array.from({ length }, (_, i) => (((i * 7919 + 13) >> 3) % most) - 1) }
}

function tensor({ shape, values }: Values): tf.Tensor {
  return tf.tensor(values, shape, 'float32')
}

/** [6, 6, 8] with [3, 3, 8, 8] to [4, 4, 8], without padding. */
function convolution(image: readonly number[], filter: readonly number[]): number[] {
  const result: number[] = []
  for (let y = 0; y < 4; y++)
    for (let x = 0; x < 4; x++)
      for (let to = 0; to < 8; to++) {
        let sum = 0
        for (let i = 0; i < 72; i++) {
          const [dy, dx, from] = [Math.floor(i / 24), Math.floor(i / 8) % 3, i % 8]
          sum += image[((y + dy) * 6 + x + dx) * 8 + from]! * filter[i * 8 + to]!
        }
        result.push(sum)
      }
  return result
}

/** [16, 32] by [32, 8]. */
function product(left: readonly number[], right: readonly number[]): number[] {
  return Array.from({ length: 16 * 8 }, (_, i) => {
    let sum = 0
    for (let k = 0; k < 32; k++) sum += left[Math.floor(i / 8) * 32 + k]! * right[k * 8 + (i % 8)]!
    return sum
  })
}
