/**
 * Signed distance from the outline of a shape of radius 1 around the origin, negative inside, with y pointing down. After Inigo
 * Quilez' 2-D distance functions.
 */
type Distance = (x: number, y: number) => number

const { abs, atan2, cos, hypot, max, min, PI, sin, sqrt } = Math

const box = (x: number, y: number, halfWidth: number, halfHeight: number) => {
  const dx = abs(x) - halfWidth
  const dy = abs(y) - halfHeight
  return hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0)
}

/** A regular polygon with one corner at the top. */
const polygon =
  (sides: number): Distance =>
  (x, y) => {
    const sector = (2 * PI) / sides
    const angle = atan2(x, -y)
    const within = angle - sector * Math.round(angle / sector + 0.5) + sector / 2
    return hypot(x, y) * cos(within) - cos(PI / sides)
  }

const star: Distance = (x, y) => {
  // Fold the point onto one of the ten half points of the star and compute the distance to its single edge.
  const sector = PI / 5
  const angle = abs(atan2(x, -y)) % (2 * sector)
  const folded = angle > sector ? 2 * sector - angle : angle
  const radius = hypot(x, y)
  const [px, py] = [radius * sin(folded), radius * cos(folded)]
  const [ix, iy] = [0.42 * sin(sector), 0.42 * cos(sector)]
  const [ex, ey] = [ix, iy - 1]
  const t = min(1, max(0, (px * ex + (py - 1) * ey) / (ex * ex + ey * ey)))
  const distance = hypot(px - t * ex, py - 1 - t * ey)
  return px * ey - (py - 1) * ex < 0 ? distance : -distance
}

const heart: Distance = (x, y) => {
  const px = abs(x) / 1.15
  const py = (0.55 - y) / 1.15 + 0.05
  if (px + py > 1) return (hypot(px - 0.25, py - 0.75) - sqrt(2) / 4) * 1.15
  const m = 0.5 * max(px + py, 0)
  const distance = min(hypot(px, py - 1), hypot(px - m, py - m))
  return distance * Math.sign(px - py) * 1.15
}

/** All kinds by name, in the order of their class numbers. */
export const kinds: Readonly<Record<string, Distance>> = {
  circle: (x, y) => hypot(x, y) - 0.9,
  square: (x, y) => box(x, y, 0.75, 0.75),
  triangle: polygon(3),
  hexagon: polygon(6),
  star,
  cross: (x, y) => min(box(x, y, 0.95, 0.3), box(x, y, 0.3, 0.95)),
  ring: (x, y) => abs(hypot(x, y) - 0.7) - 0.24,
  crescent: (x, y) => max(hypot(x, y) - 0.95, 0.72 - hypot(x - 0.45, y)),
  heart,
  bar: (x, y) => box(x, y, 1, 0.32),
}

/** Names of the kinds: the classes of `shapes`. */
export const shapeNames: readonly string[] = Object.keys(kinds)
