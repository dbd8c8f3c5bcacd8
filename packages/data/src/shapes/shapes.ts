import { type AnnotatedBox, type Annotation, expected, type ImageDataset, mixSeed } from '@selfsup/core'
import { recordDataset } from '../record-dataset.js'
import { kindNames } from './kinds.js'
import { boxAround, renderScene } from './render.js'
import { describeScene, drawScene, type Scene } from './scene.js'

export interface ShapesOptions {
  /** side of the images in pixels; 32 */
  readonly size?: number
  /** how many images; 10,000 for `train`, 2,000 for `test` */
  readonly count?: number
  /** of all images; 1 */
  readonly seed?: number
  /** things in each image; 1 */
  readonly objects?: number
  /** two streams of images that share none; `train` */
  readonly split?: 'train' | 'test'
}

/** Names of the numbers that are known of a drawn image. */
export type ShapeValue = 'x' | 'y' | 'size' | 'angle cosine' | 'angle sine'

/** What is known of one drawn image. */
export interface ShapeAnnotation extends Annotation {
  /**
   * of the first thing: middle and diameter as parts of the side; cosine and sine of its angle, where it has one: of kinds
   * that look the same only after a whole turn
   */
  readonly values: Readonly<Partial<Record<ShapeValue, number>>>
  /** of each thing, in the order of `objects` */
  readonly boxes: readonly AnnotatedBox[]
  /** `caption` alone */
  readonly captions: readonly string[]
  readonly objects: readonly {
    /** class number, position in `classes` */
    readonly kind: number
    /** counter-clockwise, radians */
    readonly angle: number
    /** radius, as part of the side */
    readonly radius: number
    /** middle, as parts of the side */
    readonly x: number
    readonly y: number
    /** [left, top, width, height] in whole pixels: the smallest box around it, within the image */
    readonly box: readonly [number, number, number, number]
  }[]
  readonly caption: string
}

/** A dataset of drawn images that also knows what it drew. */
export interface ShapesDataset extends ImageDataset {
  annotations(index: number): ShapeAnnotation
}

/**
 * Drawn images with known contents, for demos and tests: a shape (its kind is the class), its colour, texture,
 * size, place and angle and the background all vary independently, so that pixels tell little of the class. The
 * image of a number depends on seed, split and number alone.
 * @throws SelfsupError for sizes below 8 pixels or fewer than one object
 */
export function shapes({
  size = 32,
  split = 'train',
  count = split === 'train' ? 10_000 : 2_000,
  seed = 1,
  objects = 1,
}: ShapesOptions = {}): ShapesDataset {
  expected(
    Number.isInteger(size) && size >= 8,
    `shapes: size must be a whole number of at least 8; got ${size}`,
  )
  expected(
    Number.isInteger(count) && count >= 1,
    `shapes: count must be a whole number of at least 1; got ${count}`,
  )
  expected(Number.isInteger(objects) && objects >= 1, `shapes: objects must be at least 1; got ${objects}`)
  expected(split === 'train' || split === 'test', `shapes: split must be train or test; got ${split}`)
  const [stream] = mixSeed(seed, split === 'train' ? 1 : 2, 0)
  const scene = (index: number): Scene => drawScene(stream, index, objects)
  const bytes = size * size * 3
  const drawn = new DrawnOnce(count, bytes, (index, target, offset) =>
    renderScene(scene(index), size, target, offset),
  )
  const dataset = recordDataset({
    name: 'shapes',
    count,
    height: size,
    width: size,
    channels: 3,
    fingerprint: `shapes-1-${size}-${seed}-${split}-${objects}-${count}`,
    classes: kindNames,
    labels: Int32Array.from({ length: count }, (_, index) => scene(index).objects[0]!.kind),
    read: (positions, target) => {
      for (let i = 0; i < positions.length; i++) drawn.copy(positions[i]!, target, i * bytes)
    },
  })
  return {
    ...dataset,
    ...(objects === 1 && { source: { path: 'shapes', options: { imageSize: size, split, count, seed } } }),
    annotations: (index) => annotate(scene(index), size),
  }
}

/** Draws each image when it is first asked for and keeps it, as far as memory is granted. */
class DrawnOnce {
  readonly #pixels: Uint8Array
  readonly #done: Uint8Array

  constructor(
    count: number,
    readonly bytes: number,
    readonly draw: (index: number, target: Uint8Array, offset: number) => void,
    granted = 256 * 2 ** 20,
  ) {
    const kept = Math.min(count, Math.floor(granted / bytes))
    this.#pixels = new Uint8Array(kept * bytes)
    this.#done = new Uint8Array(kept)
  }

  copy(index: number, target: Uint8Array, offset: number): void {
    if (index >= this.#done.length) {
      this.draw(index, target, offset)
      return
    }
    const from = index * this.bytes
    if (!this.#done[index]) {
      this.draw(index, this.#pixels, from)
      this.#done[index] = 1
    }
    target.set(this.#pixels.subarray(from, from + this.bytes), offset)
  }
}

/** Kinds that look the same only after a whole turn, so that a image tells their angle. */
const turnable: ReadonlySet<string> = new Set(['crescent', 'heart'])

function annotate(scene: Scene, size: number): ShapeAnnotation {
  const objects = scene.objects.map((object) => {
    const { kind, angle, radius, x, y } = object
    return { kind, angle, radius, x, y, box: boxAround(object, size) }
  })
  const { x, y, radius, angle, kind } = objects[0]!
  const caption = describeScene(scene)
  return {
    values: {
      x,
      y,
      size: 2 * radius,
      ...(turnable.has(kindNames[kind]!) && {
        'angle cosine': Math.cos(angle),
        'angle sine': Math.sin(angle),
      }),
    },
    boxes: objects.map(({ kind, box }) => ({ label: kind, box })),
    captions: [caption],
    objects,
    caption,
  }
}
