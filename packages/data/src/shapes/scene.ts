import { uniforms } from '@selfsup/core'
import { shapeNames } from './kinds.js'

/** Textures of objects and of the background. */
const textures = ['plain', 'striped', 'dotted', 'checkered', 'shaded'] as const
const grounds = ['plain', 'shaded', 'speckled', 'striped'] as const

const colours = ['red', 'orange', 'yellow', 'green', 'cyan', 'blue', 'violet', 'pink'] as const
const hues = [0, 30, 55, 120, 180, 225, 275, 325]

/** A colour: its name, and red, green and blue from 0 to 1. */
interface Paint {
  readonly name: string
  readonly rgb: readonly [number, number, number]
}

/** An object in an image. Lengths are fractions of the image's side length. */
export interface SceneObject {
  /** class number: index into `shapeNames` */
  readonly kind: number
  /** centre */
  readonly x: number
  readonly y: number
  /** radius */
  readonly radius: number
  /** counter-clockwise, in radians, 0 to 2 pi */
  readonly angle: number
  readonly texture: (typeof textures)[number]
  /** number of repetitions of the texture across the shape */
  readonly pitch: number
  readonly paint: Paint
  /** second colour of the texture */
  readonly second: Paint
}

/** Everything that is drawn in one image. */
export interface Scene {
  readonly objects: readonly SceneObject[]
  readonly ground: (typeof grounds)[number]
  readonly groundPaint: Paint
  readonly groundSecond: Paint
  readonly groundAngle: number
  /** seed of the speckles */
  readonly noiseSeed: number
}

const DRAWS_PER_OBJECT = 16
const DRAWS_PER_GROUND = 16

/** The scene of one image. Class, colour, texture, size, position, angle and background are drawn independently. */
export function drawScene(seed: number, index: number, objects: number): Scene {
  const u = uniforms([seed, index], DRAWS_PER_GROUND + DRAWS_PER_OBJECT * objects)
  const groundPaint = paint(u[0]!, 0.5 * u[1]!, 0.2 + 0.6 * u[2]!)
  return {
    ground: choose(grounds, u[3]!),
    groundPaint,
    groundSecond: paint(u[4]!, 0.5 * u[5]!, 0.2 + 0.6 * u[6]!),
    groundAngle: 2 * Math.PI * u[7]!,
    noiseSeed: Math.floor(u[8]! * 2 ** 23),
    objects: Array.from({ length: objects }, (_, number) =>
      drawObject(u.subarray(DRAWS_PER_GROUND + number * DRAWS_PER_OBJECT), objects, groundPaint),
    ),
  }
}

function drawObject(u: Float32Array, objects: number, ground: Paint): SceneObject {
  const [smallest, largest] = objects === 1 ? [0.24, 0.44] : [0.16, 0.28]
  const radius = smallest + (largest - smallest) * u[0]!
  const margin = radius * 0.85
  const first = contrasting(u[1]!, u[2]!, u[3]!, ground)
  return {
    kind: Math.floor(u[4]! * shapeNames.length),
    x: margin + (1 - 2 * margin) * u[5]!,
    y: margin + (1 - 2 * margin) * u[6]!,
    radius,
    angle: 2 * Math.PI * u[7]!,
    texture: choose(textures, u[8]!),
    pitch: 2 + 2 * u[9]!,
    paint: first,
    second: contrasting(u[10]!, u[11]!, u[12]!, ground),
  }
}

/** A colour that contrasts with the background: light on dark, dark on light. */
function contrasting(hue: number, saturation: number, value: number, ground: Paint): Paint {
  const dark = 0.299 * ground.rgb[0] + 0.587 * ground.rgb[1] + 0.114 * ground.rgb[2] < 0.4
  return paint(hue, 0.4 + 0.6 * saturation, dark ? 0.75 + 0.25 * value : 0.1 + 0.25 * value)
}

function choose<T>(all: readonly T[], u: number): T {
  return all[Math.floor(u * all.length)]!
}

function paint(hueDraw: number, saturation: number, value: number): Paint {
  const number = Math.floor(hueDraw * hues.length)
  const hue = hues[number]! / 60
  const channel = (n: number) => {
    const k = (n + hue) % 6
    return value - value * saturation * Math.max(0, Math.min(k, 4 - k, 1))
  }
  const shade = value < 0.4 ? 'dark ' : ''
  const name = saturation < 0.3 ? `${shade}grey` : `${shade}${colours[number]}`
  return { name, rgb: [channel(5), channel(3), channel(1)] }
}

/** A caption of the scene, such as "a large striped red star at the top left on a blue background". */
export function describeScene({ objects, groundPaint }: Scene): string {
  const things = objects.map(({ kind, x, y, radius, texture, paint }) => {
    const size = radius < 0.26 ? 'small' : radius < 0.36 ? 'medium-sized' : 'large'
    const row = y < 0.4 ? 'top' : y > 0.6 ? 'bottom' : ''
    const column = x < 0.4 ? 'left' : x > 0.6 ? 'right' : ''
    const place = row || column ? `at the ${[row, column].filter(Boolean).join(' ')}` : 'in the middle'
    return `a ${size} ${texture === 'plain' ? '' : `${texture} `}${paint.name} ${shapeNames[kind]} ${place}`
  })
  return `${things.join(' and ')} on a ${groundPaint.name} background`
}
