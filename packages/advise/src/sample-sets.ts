import { type HostImages, normals, uniforms } from '@selfsup/core'
import { planesOf, turned } from './pixels.js'

/** Options of synthetic image sets for tests: [count, side, side, 3], one kind of images each, deterministic. */
interface SetOptions {
  readonly count?: number
  readonly side?: number
  readonly seed?: number
}

type Colour = readonly [number, number, number]

/** Draws each pixel by a function of its position, 0..1 from left to right and top to bottom, to values 0..255. */
function drawn(
  { count = 200, side = 24, seed = 1 }: SetOptions,
  drawingOf: (draws: Float32Array) => (x: number, y: number) => Colour,
): HostImages {
  const data = new Uint8Array(count * side * side * 3)
  for (let index = 0, at = 0; index < count; index++) {
    const colourAt = drawingOf(uniforms([seed, index], 64))
    const noise = normals([seed + 1000, index], side * side)
    for (let pixel = 0; pixel < side * side; pixel++, at += 3) {
      const colour = colourAt(((pixel % side) + 0.5) / side, (Math.floor(pixel / side) + 0.5) / side)
      for (let c = 0; c < 3; c++)
        data[at + c] = Math.max(0, Math.min(255, Math.round(colour[c]! + 4 * noise[pixel]!)))
    }
  }
  return { data, shape: [count, side, side, 3] }
}

/** A bright sky above dark ground, with a tree: images with an upright orientation, but with mirror symmetry. */
export function scenes(options: SetOptions = {}): HostImages {
  return drawn(options, (u) => {
    const [horizon, tree, hue, light] = [0.35 + 0.3 * u[0]!, u[1]!, u[2]!, 0.6 + 0.4 * u[3]!]
    return (x, y) => {
      if (Math.abs(x - tree) < 0.08 && y > horizon - 0.25 && y < horizon + 0.15) return [30, 60 * hue, 20]
      if (y < horizon) return [120 * light, 160 * light + 20 * hue, 240 * light]
      return [90 * hue + 40, 110 * light, 40 * u[4]!]
    }
  })
}

/** Waves of one wavelength in all directions: textures, in which every part looks like any other. */
export function textures(options: SetOptions = {}): HostImages {
  return drawn(options, (u) => {
    const waves = Array.from({ length: 10 }, (_, i) => {
      const angle = 2 * Math.PI * u[3 * i]!
      return { across: Math.cos(angle), down: Math.sin(angle), phase: 2 * Math.PI * u[3 * i + 1]! }
    })
    return (x, y) => {
      const height = waves.reduce(
        (sum, { across, down, phase }) => sum + Math.sin(14 * (across * x + down * y) + phase),
        0,
      )
      return [128 + 22 * height, 110 + 20 * height * u[31]!, 90 + 25 * u[32]! * height]
    }
  })
}

/** Round spots of random position and size on a plain ground, like cells under a microscope. */
export function cells(options: SetOptions = {}): HostImages {
  return drawn(options, (u) => {
    const spots = Array.from({ length: 5 }, (_, i) => ({
      x: 1.4 * u[4 * i]! - 0.2,
      y: 1.4 * u[4 * i + 1]! - 0.2,
      radius: 0.08 + 0.15 * u[4 * i + 2]!,
    }))
    return (x, y) =>
      spots.some((spot) => Math.hypot(x - spot.x, y - spot.y) < spot.radius)
        ? [120, 60, 150]
        : [225, 190, 215]
  })
}

/** The letter F, shifted and slanted, white on black: its mirror image differs. */
export function letters(options: SetOptions = {}): HostImages {
  return drawn(options, (u) => {
    const [left, top, slant] = [0.25 + 0.15 * u[0]!, 0.1 + 0.15 * u[1]!, 0.3 * (u[2]! - 0.5)]
    return (x0, y0) => {
      const [x, y] = [x0 - left + slant * (y0 - 0.5), y0 - top]
      const inside = y > 0 && y < 0.7 && x > 0 && x < 0.35
      const ink = inside && (x < 0.1 || y < 0.1 || (y > 0.3 && y < 0.4 && x < 0.28))
      return ink ? [250, 250, 250] : [4, 4, 4]
    }
  })
}

/** Each image turned by a random multiple of 90 degrees. */
export function randomlyTurned(images: HostImages, seed = 5): HostImages {
  const [count, side, , channels] = images.shape
  const data = new Uint8Array(images.data.length)
  const draws = uniforms([seed, 0], count)
  for (let index = 0; index < count; index++) {
    const quarters = Math.floor(4 * draws[index]!) as 0 | 1 | 2 | 3
    for (let channel = 0; channel < channels; channel++) {
      const plane = Float32Array.from({ length: side * side }, (_, i) => {
        return images.data[(index * side * side + i) * channels + channel]!
      })
      const result = turned({ side, brightness: plane }, quarters).brightness
      for (const [i, value] of result.entries()) data[(index * side * side + i) * channels + channel] = value
    }
  }
  return { data, shape: images.shape }
}

/** Brightness only, times a colour: white gives grey images, other colours give tinted ones such as sepia. */
export function tinted(images: HostImages, tint: Colour = [1, 1, 1]): HostImages {
  const [count, side] = images.shape
  const data = new Uint8Array(images.data.length)
  for (let index = 0; index < count; index++) {
    const { brightness } = planesOf(images, index)
    for (const [i, value] of brightness.entries())
      for (let c = 0; c < 3; c++) data[(index * side * side + i) * 3 + c] = Math.round(255 * value * tint[c]!)
  }
  return { data, shape: images.shape }
}
