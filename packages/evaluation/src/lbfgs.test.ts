import { expect, test } from 'vitest'
import { minimise } from './lbfgs.js'

test('finds the minimum of Rosenbrock’s valley at (1, 1)', async () => {
  const { x, iterations } = await minimise(
    async ([a, b]: Float64Array) => ({
      value: (1 - a!) ** 2 + 100 * (b! - a! ** 2) ** 2,
      gradient: Float64Array.of(-2 * (1 - a!) - 400 * a! * (b! - a! ** 2), 200 * (b! - a! ** 2)),
    }),
    Float64Array.of(-1.2, 1),
    { tolerance: 1e-6 },
  )
  expect(x[0]).toBeCloseTo(1, 5)
  expect(x[1]).toBeCloseTo(1, 5)
  expect(iterations).toBeLessThan(60)
})

test('solves a badly scaled quadratic of 50 unknowns', async () => {
  const scale = Float64Array.from({ length: 50 }, (_, i) => 1 + i * i)
  const { x } = await minimise(
    async (x) => ({
      value: x.reduce((sum, xi, i) => sum + 0.5 * scale[i]! * (xi - i) ** 2, 0),
      gradient: x.map((xi, i) => scale[i]! * (xi - i)),
    }),
    new Float64Array(50),
    { tolerance: 1e-8 },
  )
  x.forEach((xi, i) => {
    expect(xi).toBeCloseTo(i, 5)
  })
})
