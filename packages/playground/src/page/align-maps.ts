/**
 * Turns and mirrors a map so that it is as near as possible to the map before (orthogonal Procrustes in the plane): a map's
 * orientation has no meaning, and points that did not move should not jump.
 */
export function aligned(
  places: { readonly x: readonly number[]; readonly y: readonly number[] },
  before: { readonly x: readonly number[]; readonly y: readonly number[] } | undefined,
): { x: number[]; y: number[] } {
  const count = places.x.length
  if (!before || before.x.length !== count) return { x: [...places.x], y: [...places.y] }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / count
  const [mx, my, bx, by] = [mean(places.x), mean(places.y), mean(before.x), mean(before.y)]
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < count; i++) {
    const [x, y, u, v] = [places.x[i]! - mx, places.y[i]! - my, before.x[i]! - bx, before.y[i]! - by]
    a += x * u
    b += x * v
    c += y * u
    d += y * v
  }
  // The best rotation has correlation hypot(a + d, b - c), the best reflection hypot(a - d, b + c).
  const mirrored = Math.hypot(a - d, b + c) > Math.hypot(a + d, b - c)
  const angle = mirrored ? Math.atan2(b + c, a - d) : Math.atan2(b - c, a + d)
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const turned = places.x.map((_, i) => {
    const [x, y] = [places.x[i]! - mx, (places.y[i]! - my) * (mirrored ? -1 : 1)]
    return [cos * x - sin * y, sin * x + cos * y] as const
  })
  const largest = Math.max(1, ...turned.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))))
  const scale = Math.min(1, 2047 / largest)
  return { x: turned.map(([x]) => 2047 + scale * x), y: turned.map(([, y]) => 2047 + scale * y) }
}
