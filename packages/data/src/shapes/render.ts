import { kinds, shapeNames } from './kinds.js'
import type { Scene, SceneObject } from './scene.js'

type Rgb = readonly [number, number, number]

const distances = shapeNames.map((name) => kinds[name]!)

/**
 * Draws a scene with anti-aliasing into `target`: size * size RGB pixels, starting at `offset`.
 */
export function renderScene(scene: Scene, size: number, target: Uint8Array, offset = 0): void {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const x = (column + 0.5) / size
      const y = (row + 0.5) / size
      let [r, g, b] = groundAt(scene, x, y, row * size + column)
      for (const object of scene.objects) {
        const covered = coverage(object, x, y, size)
        if (covered <= 0) continue
        const [or, og, ob] = surfaceAt(object, x, y)
        r += (or - r) * covered
        g += (og - g) * covered
        b += (ob - b) * covered
      }
      const at = offset + (row * size + column) * 3
      target[at] = r * 255 + 0.5
      target[at + 1] = g * 255 + 0.5
      target[at + 2] = b * 255 + 0.5
    }
  }
}

/** The smallest box of whole pixels around an object, [left, top, width, height], ignoring objects in front of it. */
export function boxAround(object: SceneObject, size: number): [number, number, number, number] {
  let [left, top, right, bottom] = [size, size, 0, 0]
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      if (coverage(object, (column + 0.5) / size, (row + 0.5) / size, size) < 0.5) continue
      left = Math.min(left, column)
      right = Math.max(right, column + 1)
      top = Math.min(top, row)
      bottom = Math.max(bottom, row + 1)
    }
  }
  return [left, top, right - left, bottom - top]
}

/** Fraction of a pixel that the object covers, computed from the distance of the pixel's centre to the outline. */
function coverage(object: SceneObject, x: number, y: number, size: number): number {
  const { radius } = object
  const dx = x - object.x
  const dy = y - object.y
  const reach = radius * 1.2 + 1 / size
  if (dx * dx + dy * dy > reach * reach) return 0
  const [u, v] = turned(object, dx, dy)
  return Math.min(1, Math.max(0, 0.5 - distances[object.kind]!(u, v) * radius * size))
}

/** Converts an offset from the object's centre to the object's rotated axes, scaled to radius 1. */
function turned({ angle, radius }: SceneObject, dx: number, dy: number): [number, number] {
  const c = Math.cos(angle) / radius
  const s = Math.sin(angle) / radius
  // Counter-clockwise on the screen, where y points down.
  return [dx * c - dy * s, dx * s + dy * c]
}

function surfaceAt(object: SceneObject, x: number, y: number): Rgb {
  const { texture, pitch, paint, second } = object
  const [u, v] = turned(object, x - object.x, y - object.y)
  switch (texture) {
    case 'plain':
      return paint.rgb
    case 'shaded':
      return mix(paint.rgb, second.rgb, Math.min(1, Math.max(0, (u + 1) / 2)))
    case 'striped':
      return mix(paint.rgb, second.rgb, soft(Math.sin(u * pitch * Math.PI)))
    case 'checkered':
      return mix(paint.rgb, second.rgb, soft(2 * Math.sin(u * pitch * 2.5) * Math.sin(v * pitch * 2.5)))
    case 'dotted':
      return mix(paint.rgb, second.rgb, soft(2 * Math.cos(u * pitch * 3) * Math.cos(v * pitch * 3) - 0.7))
  }
}

function groundAt(
  { ground, groundPaint, groundSecond, groundAngle, noiseSeed }: Scene,
  x: number,
  y: number,
  pixel: number,
): Rgb {
  const along = (x - 0.5) * Math.cos(groundAngle) + (y - 0.5) * Math.sin(groundAngle)
  switch (ground) {
    case 'plain':
      return groundPaint.rgb
    case 'shaded':
      return mix(groundPaint.rgb, groundSecond.rgb, Math.min(1, Math.max(0, 0.25 + along * 0.5)))
    case 'striped':
      return mix(groundPaint.rgb, groundSecond.rgb, 0.3 * soft(Math.sin(along * 22)))
    case 'speckled':
      return mix(groundPaint.rgb, groundSecond.rgb, 0.4 * speckle(noiseSeed, pixel))
  }
}

/** Maps -1..1 to 0..1 with a steep edge in the middle. */
function soft(wave: number): number {
  return Math.min(1, Math.max(0, 0.5 + 2 * wave))
}

/** A pseudo-random number in 0..1 for each pixel, from an integer hash. */
function speckle(seed: number, pixel: number): number {
  let h = Math.imul(seed ^ Math.imul(pixel + 1, 0x9e3779b1), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

function mix(a: Rgb, b: Rgb, part: number): Rgb {
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part]
}
