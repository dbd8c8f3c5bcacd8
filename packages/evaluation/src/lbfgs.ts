/** Value and gradient of a function at a point. */
export type Objective = (x: Float64Array) => Promise<{ value: number; gradient: Float64Array }>

export interface LbfgsOptions {
  /** number of steps from which the curvature is estimated */
  readonly memory?: number
  readonly maxIterations?: number
  /** stop when no component of the gradient exceeds this */
  readonly tolerance?: number
}

/**
 * Limited-memory BFGS with a line search for the weak Wolfe conditions (Nocedal & Wright 2006, algorithms 7.4 and 7.5): finds
 * the minimum of a smooth function, such as the loss of a regularised logistic regression, in a few dozen evaluations and
 * without a learning rate.
 * @param start initial point; not changed
 * @returns the best point, its value, and the number of iterations
 */
export async function minimise(
  objective: Objective,
  start: Float64Array,
  { memory = 10, maxIterations = 200, tolerance = 1e-4 }: LbfgsOptions = {},
): Promise<{ x: Float64Array; value: number; iterations: number }> {
  let x: Float64Array = Float64Array.from(start)
  let { value, gradient } = await objective(x)
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = []
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    if (largest(gradient) <= tolerance) return { x, value, iterations: iteration }
    let direction = descent(gradient, pairs)
    let slope = dot(direction, gradient)
    if (slope >= 0) {
      pairs.length = 0
      direction = gradient.map((g) => -g)
      slope = -dot(gradient, gradient)
    }
    const step = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(-slope)) : 1
    const next = await lineSearch(objective, { x, value, direction, slope, step })
    if (!next) return { x, value, iterations: iteration }
    const s = next.x.map((xi, i) => xi - x[i]!)
    const y = next.gradient.map((gi, i) => gi - gradient[i]!)
    const curvature = dot(s, y)
    if (curvature > 1e-12 * dot(y, y)) {
      pairs.push({ s, y, rho: 1 / curvature })
      if (pairs.length > memory) pairs.shift()
    }
    ;({ x, value, gradient } = next)
  }
  return { x, value, iterations: maxIterations }
}

/** -H * gradient by the two-loop recursion. */
function descent(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((g) => -g)
  const alphas: number[] = []
  for (const { s, y, rho } of [...pairs].reverse()) {
    const alpha = rho * dot(s, q)
    alphas.push(alpha)
    addScaled(q, y, -alpha)
  }
  const last = pairs.at(-1)
  if (last) {
    const gamma = 1 / (last.rho * dot(last.y, last.y))
    for (let i = 0; i < q.length; i++) q[i]! *= gamma
  }
  for (const { s, y, rho } of pairs) {
    const beta = rho * dot(y, q)
    addScaled(q, s, alphas.pop()! - beta)
  }
  return q
}

/** Finds a step that satisfies both weak Wolfe conditions, by bisection and doubling; undefined if there is none. */
async function lineSearch(
  objective: Objective,
  from: { x: Float64Array; value: number; direction: Float64Array; slope: number; step: number },
): Promise<{ x: Float64Array; value: number; gradient: Float64Array } | undefined> {
  let { step } = from
  const noise = 1e-7 * Math.abs(from.value) // float32 objectives cannot resolve smaller differences
  let low = 0
  let high = Number.POSITIVE_INFINITY
  let best: { x: Float64Array; value: number; gradient: Float64Array } | undefined
  for (let attempt = 0; attempt < 20; attempt++) {
    const x = from.x.map((xi, i) => xi + step * from.direction[i]!)
    const { value, gradient } = await objective(x)
    if (!(value <= from.value + 1e-4 * step * from.slope + noise)) high = step
    else {
      best = { x, value, gradient }
      if (dot(gradient, from.direction) >= 0.9 * from.slope) return best
      low = step
    }
    step = Number.isFinite(high) ? (low + high) / 2 : step * 2
  }
  return best
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function addScaled(target: Float64Array, x: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * x[i]!
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}
