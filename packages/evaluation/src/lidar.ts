import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { gram } from './gram.js'
import { symmetricEigenvalues } from './symmetric-eigenvalues.js'

/** Constants of LiDAR. */
export interface LidarOptions {
  /** views of each image, at least 2; the rows of an image follow each other. The paper uses 50 views of 1,000 images */
  readonly views: number
  /** added to the diagonal of the covariance within images; default 1e-4 */
  readonly delta?: number
  /** added to each share of the eigenvalues; default 1e-7 */
  readonly epsilon?: number
}

/**
 * LiDAR, the effective rank of what distinguishes images from each other more than views of one image (Thilak et al. 2023,
 * arXiv:2312.04000, section 3): with the covariance B of the images' means and the covariance W of the views around the mean of their
 * image, exp of the entropy of the eigenvalues of W^-1/2 B W^-1/2. It needs no labels. Unlike RankMe it does not count directions
 * in which only views differ.
 * @param features of several views of each image: `count` is images * views
 * @returns 1 .. the smaller of width and images
 * @throws SelfsupError if the rows are not `views` for each image of at least two, or a feature is not a finite number
 */
export async function lidar(
  features: Pick<Features, 'values' | 'count' | 'width'>,
  { views, delta = 1e-4, epsilon = 1e-7 }: LidarOptions,
): Promise<number> {
  expectNumbers('lidar', features)
  const { values, count, width } = features
  const images = count / views
  expected(
    Number.isInteger(views) && views >= 2 && Number.isInteger(images) && images >= 2,
    `lidar: there must be at least 2 views of each of at least 2 images; got ${count} rows and ${views} views`,
  )
  const [means, deviations] = tf.tidy(() => {
    const all = tf.tensor3d(values.subarray(0, count * width), [images, views, width])
    const means = tf.mean(all, 1, true)
    const parts = [tf.sub(means, tf.mean(means, 0, true)), tf.sub(all, means)]
    return parts.map((part) => part.dataSync<'float32'>())
  }) as [Float32Array, Float32Array]
  const between = await gram({ values: means, count: images, width })
  const within = await gram({ values: deviations, count, width })
  for (let i = 0; i < between.length; i++) {
    between[i]! /= images
    within[i] = within[i]! / count + (i % (width + 1) === 0 ? delta : 0)
  }
  // With W = L L', the matrix L^-1 B L^-T has the same eigenvalues as W^-1/2 B W^-1/2.
  cholesky(within, width)
  divideRows(within, between, width)
  transpose(between, width)
  divideRows(within, between, width)
  const eigenvalues = symmetricEigenvalues(between, width).map((value) => Math.max(0, value))
  const total = eigenvalues.reduce((sum, value) => sum + value, 0)
  if (total === 0) return 1
  let entropy = 0
  for (const value of eigenvalues) {
    const p = value / total + epsilon
    entropy -= p * Math.log(p)
  }
  return Math.exp(entropy)
}

/** Replaces the lower half of a positive definite matrix by its Cholesky factor (Golub & Van Loan 2013, algorithm 4.2.1). */
function cholesky(a: Float64Array, n: number): void {
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!
      if (i === j)
        expected(sum > 0, 'lidar: the covariance of the views is not positive definite; set a larger delta')
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / a[j * n + j]!
    }
}

/** Replaces X by L^-1 X, for a lower triangular matrix L. */
function divideRows(l: Float64Array, x: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    const row = x.subarray(i * n, (i + 1) * n)
    for (let k = 0; k < i; k++) {
      const factor = l[i * n + k]!
      const above = x.subarray(k * n, (k + 1) * n)
      for (let j = 0; j < n; j++) row[j]! -= factor * above[j]!
    }
    for (let j = 0; j < n; j++) row[j]! /= l[i * n + i]!
  }
}

function transpose(x: Float64Array, n: number): void {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) [x[i * n + j], x[j * n + i]] = [x[j * n + i]!, x[i * n + j]!]
}
