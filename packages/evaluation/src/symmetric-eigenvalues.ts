import { expected } from '@selfsup/core'

/**
 * Eigenvalues of a symmetric matrix, in no order: Householder's reduction to tridiagonal form, then QL with implicit shifts
 * (Golub & Van Loan 2013, algorithms 8.3.1 and 8.3.3; EISPACK's tred1 and tql1). About 4/3 n^3 operations.
 * @param matrix row after row, n * n; only the lower half is read. It is overwritten
 * @throws SelfsupError when it does not converge: numbers that are not finite
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const diagonal = new Float64Array(n)
  const offDiagonal = new Float64Array(n)
  tridiagonalise(matrix, n, diagonal, offDiagonal)
  for (let l = 0; l < n; l++) {
    for (let iteration = 0; ; iteration++) {
      expected(iteration < 60, 'symmetricEigenvalues: no convergence; the matrix must hold finite numbers')
      let m = l
      for (; m < n - 1; m++) {
        const size = Math.abs(diagonal[m]!) + Math.abs(diagonal[m + 1]!)
        if (Math.abs(offDiagonal[m]!) <= 2.3e-16 * size) break
      }
      if (m === l) break
      sweep(diagonal, offDiagonal, l, m)
    }
  }
  return diagonal
}

/** One implicit QL step on rows l..m. */
function sweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!)
  let r = Math.hypot(g, 1)
  g = d[m]! - d[l]! + e[l]! / (g + (g >= 0 ? r : -r))
  let [s, c, p] = [1, 1, 0]
  for (let i = m - 1; i >= l; i--) {
    const f = s * e[i]!
    const b = c * e[i]!
    r = Math.hypot(f, g)
    e[i + 1] = r
    if (r === 0) {
      d[i + 1]! -= p
      e[m] = 0
      return
    }
    s = f / r
    c = g / r
    g = d[i + 1]! - p
    r = (d[i]! - g) * s + 2 * c * b
    p = s * r
    d[i + 1] = g + p
    g = c * r - b
  }
  d[l]! -= p
  e[l] = g
  e[m] = 0
}

/** Reduces to tridiagonal form; `offDiagonal[i]` is the entry between rows i and i + 1. */
function tridiagonalise(a: Float64Array, n: number, diagonal: Float64Array, offDiagonal: Float64Array): void {
  const product = new Float64Array(n)
  for (let k = n - 1; k > 0; k--) {
    // Row k left of the diagonal becomes (0, ..., 0, norm) under a reflection of rows and columns 0..k-1.
    const row = a.subarray(k * n, k * n + k)
    let squares = 0
    for (let j = 0; j < k; j++) squares += row[j]! * row[j]!
    diagonal[k] = a[k * n + k]!
    const rest = squares - row[k - 1]! * row[k - 1]!
    if (rest <= 0) {
      offDiagonal[k - 1] = row[k - 1]!
      continue
    }
    const norm = row[k - 1]! > 0 ? -Math.sqrt(squares) : Math.sqrt(squares)
    offDiagonal[k - 1] = norm
    const h = squares - norm * row[k - 1]!
    row[k - 1]! -= norm
    // p = A u / h, from the lower half.
    product.fill(0)
    for (let i = 0; i < k; i++) {
      const ui = row[i]!
      const at = i * n
      let sum = 0
      for (let j = 0; j < i; j++) {
        sum += a[at + j]! * row[j]!
        product[j]! += a[at + j]! * ui
      }
      product[i]! += sum + a[at + i]! * ui
    }
    let inner = 0
    for (let i = 0; i < k; i++) {
      product[i]! /= h
      inner += product[i]! * row[i]!
    }
    const half = inner / (2 * h)
    for (let i = 0; i < k; i++) product[i]! -= half * row[i]!
    for (let i = 0; i < k; i++) {
      const [ui, qi, at] = [row[i]!, product[i]!, i * n]
      for (let j = 0; j <= i; j++) a[at + j]! -= ui * product[j]! + qi * row[j]!
    }
  }
  diagonal[0] = a[0]!
}
