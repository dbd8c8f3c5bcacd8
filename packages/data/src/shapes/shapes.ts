import { type AnnotatedBox, type Annotation, expected, type ImageDataset, mixSeed } from '@selfsup/core'
import { recordDataset } from '../record-dataset.js'
import { shapeNames } from './kinds.js'
import { boxAround, renderScene } from './render.js'
import { describeScene, drawScene, type Scene } from './scene.js'

export interface ShapesOptions {
  /** side length of the images in pixels; default 32 */
  readonly size?: number
  /** number of images; default 10,000 for `train`, 2,000 for `test` */
  readonly count?: number
  /** seed of all images; default 1 */
  readonly seed?: number
  /** number of objects in each image; default 1 */
  readonly objects?: number
  /** training or test images, which have none in common; default `train` */
  readonly split?: 'train' | 'test'
}

/** Names of the regression targets of a drawn image. */
export type ShapeValue = 'x' | 'y' | 'size' | 'angle cosine' | 'angle sine'

/** Annotations of one drawn image. */
export interface ShapeAnnotation extends Annotation {
  /**
   * of the first object: centre and diameter as fractions of the image's side length, and the cosine and sine of its angle if the
   * kind has no rotational symmetry
   */
  readonly values: Readonly<Partial<Record<ShapeValue, number>>>
  /** one per object, in the order of `objects` */
  readonly boxes: readonly AnnotatedBox[]
  /** contains only `caption` */
  readonly captions: readonly string[]
  readonly objects: readonly {
    /** class number: index into `classes` */
    readonly kind: number
    /** counter-clockwise, in radians */
    readonly angle: number
    /** fraction of the image's side length */
    readonly radius: number
    /** centre, as fractions of the image's side length */
    readonly x: number
    readonly y: number
    /** smallest box around the object within the image: [left, top, width, height] in whole pixels */
    readonly box: readonly [number, number, number, number]
  }[]
  readonly caption: string
}

/** A dataset of drawn images with annotations. */
export interface ShapesDataset extends ImageDataset {
  annotations(index: number): ShapeAnnotation
}

/**
 * Draws images with known contents, for demos and tests. The class is the kind of a shape. Its colour, texture, size, position
 * and angle and the background vary independently of the class, so that single pixels contain little information about it. An
 * image depends only on the seed, the split and its index.
 * @throws SelfsupError if an option is out of range
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
  const drawn = new LazyImages(count, bytes, (index, target, offset) =>
    renderScene(scene(index), size, target, offset),
  )
  const dataset = recordDataset({
    name: 'shapes',
    count,
    height: size,
    width: size,
    channels: 3,
    fingerprint: `shapes-1-${size}-${seed}-${split}-${objects}-${count}`,
    classes: shapeNames,
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

/** Draws each image at its first use and keeps it in memory, up to a limit. */
class LazyImages {
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

/** Kinds without rotational symmetry, whose angle can be determined from an image. */
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
      ...(turnable.has(shapeNames[kind]!) && {
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
