// Features for the kNN benchmark, the same for both sides: ten classes of ten clusters each, in files that both sides read.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from './packages.mjs'

const { derive, normals } = await load('core')

/**
 * Sizes of the full and of the quick benchmark.
 * @param {boolean} quick
 */
export const sizesOf = (quick) =>
  quick ? { train: 5_000, test: 1_000, width: 128 } : { train: 50_000, test: 10_000, width: 512 }

/**
 * Makes them once under .cache/bench: train.f32 and test.f32, [count, width] little-endian, and train.i32 and test.i32, their classes.
 * @param {boolean} quick
 * @returns the folder
 */
export function featuresFolder(quick) {
  const { train, test, width } = sizesOf(quick)
  const folder = fileURLToPath(new URL(`../../.cache/bench/knn-${train}-${test}-${width}`, import.meta.url))
  if (existsSync(folder)) return folder
  const making = `${folder}.${process.pid}`
  mkdirSync(making, { recursive: true })
  const centres = normals([5, 1], 100 * width)
  for (const [number, [name, count]] of Object.entries({ train, test }).entries()) {
    const values = new Float32Array(count * width)
    const labels = new Int32Array(count)
    for (let row = 0; row < count; row++) {
      // The cluster of an image changes irregularly; all clusters have the same size.
      const cloud = (row * 7919 + number * 31) % 100
      const noise = normals(derive([5, 2 + number], row), width)
      for (let f = 0; f < width; f++)
        values[row * width + f] = Math.max(0, 0.22 * (centres[cloud * width + f] ?? 0) + (noise[f] ?? 0))
      labels[row] = cloud % 10
    }
    writeFileSync(join(making, `${name}.f32`), values)
    writeFileSync(join(making, `${name}.i32`), labels)
  }
  renameSync(making, folder)
  return folder
}
