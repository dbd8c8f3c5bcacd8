import { uniforms } from '@selfsup/core'

/** Brightness from -1 to 1 at a place of the pattern; its period is 2. */
type Pattern = (u: number, v: number) => number

const { cos, floor, hypot, max, PI, sin } = Math

/** Which patterns are drawn, by name: the kinds. All of them look the same in every part, which is what views show of an image. */
const patterns: Readonly<Record<string, Pattern>> = {
  stripes: (u) => sin(PI * u),
  checks: (u, v) => 2 * sin(PI * u) * sin(PI * v),
  dots: (u, v) => cos(PI * u) + cos(PI * v) - 0.7,
  grid: (u, v) => 3 * (max(cos(PI * u), cos(PI * v)) - 0.8),
  waves: (u, v) => sin(PI * (u + 0.7 * sin(PI * 0.7 * v))),
  rings: (u, v) => sin(PI * 1.2 * hypot(u - 3, v - 3)),
  bricks: (u, v) => {
    const row = floor(v)
    return 3 * (max(cos(PI * (u + row)), cos(2 * PI * v)) > 0.9 ? 1 : -1)
  },
  speckles: (u, v) => (hash(floor(4 * u), floor(4 * v)) > 0.5 ? 1 : -1),
}

/** Names of the kinds. */
export const patternNames: readonly string[] = Object.keys(patterns)

const DRAWS = 9

/**
 * Draws patterns in any two colours, sizes and directions. A network with random weights finds those alike that have the same
 * colours; one that has learned that colours change and places do not matter, those of the same kind.
 * @param pixels what is drawn into: [count, size, size, 3]
 * @param start position of the first image in the set, which decides what is drawn
 * @returns the kind of each image
 */
export function drawPatterns(pixels: Uint8Array, size: number, start: number): number[] {
  const bytes = size * size * 3
  const kinds: number[] = []
  for (let at = 0; at < pixels.length; at += bytes)
    kinds.push(drawPattern(pixels.subarray(at, at + bytes), size, start + at / bytes))
  return kinds
}

function drawPattern(pixels: Uint8Array, size: number, index: number): number {
  const u = uniforms([0x9a77, index], DRAWS)
  const kind = floor(u[0]! * patternNames.length)
  const pattern = patterns[patternNames[kind]!]!
  const periods = 2 + 0.6 * u[1]!
  const [along, across] = [cos(2 * PI * u[2]!), sin(2 * PI * u[2]!)]
  const [front, back] = [colour(u[3]!, 0.75 + 0.25 * u[4]!), colour(u[5]!, 0.15 + 0.35 * u[6]!)]
  for (let y = 0, to = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const [right, down] = [(2 * periods * x) / size + 2 * u[7]!, (2 * periods * y) / size + 2 * u[8]!]
      const value = pattern(right * along - down * across, right * across + down * along)
      const part = Math.min(1, max(0, 0.5 + value))
      for (let c = 0; c < 3; c++) pixels[to++] = 255 * (back[c]! + (front[c]! - back[c]!) * part)
    }
  return kind
}

/** Red, green and blue of a hue (0 to 1) with some saturation. */
function colour(hue: number, brightness: number): number[] {
  return [0, 1 / 3, 2 / 3].map((shift) => brightness * (0.65 + 0.35 * cos(2 * PI * (hue - shift))))
}

/** A number from 0 to 1 for each place of a lattice. */
function hash(x: number, y: number): number {
  let h = Math.imul(x + 0x9e37, 0x85ebca6b) ^ Math.imul(y + 0x79b9, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32
}
