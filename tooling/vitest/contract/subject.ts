import {
  type BackboneInput,
  type ImageBatch,
  type ImageShape,
  type Method,
  type MethodDefinition,
  type OptionValue,
  resolveOptions,
  uniforms,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { convnet } from '../../../packages/backbones/src/index.js'

type LayersModel = Method['networks']['backbone']

/** How a method is made small, and in what it differs from most. All of it is optional. */
export interface MethodSettings {
  /** options that make the method small; the others keep their defaults */
  readonly options?: Readonly<Record<string, OptionValue>>
  /** side of the images in pixels; default 16 */
  readonly size?: number
  /** numbers of channels that it takes, the first of them in most checks; default [3, 1] */
  readonly channels?: readonly (1 | 3)[]
  /** images in a batch; default 8 */
  readonly batchSize?: number
  /** class of each image of the batch; default two classes if the method needs labels, otherwise none */
  readonly labels?: readonly number[]
  /** the batch, of methods that do not take images; default smooth images with noise */
  readonly batch?: (count: number, images: ImageShape) => ImageBatch
  /** the backbone; default the method's own kind, else a ConvNet of two small stages */
  readonly backbone?: (input: BackboneInput & { readonly seed: number }) => LayersModel
  /** false: its views draw nothing, so that they are the same for every seed */
  readonly randomViews?: boolean
  /** options whose smallest or largest value does not fit such small images and networks: the method refuses it by name */
  readonly conflicts?: readonly string[]
  /** values to try of an option in place of its bounds, where these suit no network */
  readonly samples?: Readonly<Record<string, readonly OptionValue[]>>
  /** how far eager and compiled steps may differ, relative to the largest value of a tensor; default 1e-4 */
  readonly tolerance?: number
  /** how the loss falls on one batch */
  readonly learning?: LearningSettings
  /** networks whose weights become zero in a collapse, after which the spread must be 0; default the backbone */
  readonly collapsed?: readonly string[]
  /** those whose collapse the alarm of that name is for; default the same */
  readonly alarmed?: readonly string[]
  /** whether a part of the contract is tested on WebGPU too; programs compile slowly on software adapters. Default false */
  readonly webgpu?: boolean
  /** changes fresh weights if the loss is flat at the start */
  readonly prepare?: (method: Method) => void
}

interface LearningSettings {
  /** default 20 */
  readonly steps?: number
  /** of AdamW; default 0.01 */
  readonly rate?: number
  /** how much lower the last loss is than the first, at least; default a tenth of the first, at least 0.01 */
  readonly fall?: number
  /** phases of which the loss falls when they are trained alone; default all */
  readonly phases?: readonly string[]
  /** false: without `afterUpdate`, for queues that fill with keys of the same images, which makes the task harder */
  readonly afterUpdate?: boolean
  /** options that differ from `options` in this check */
  readonly options?: Readonly<Record<string, OptionValue>>
}

/** A method under test, and the engine that is ready. */
export interface Subject {
  readonly definition: MethodDefinition
  readonly settings: MethodSettings
  readonly engine: Engine
}

/** What differs from the settings. */
export interface Variation {
  readonly options?: Readonly<Record<string, OptionValue>>
  readonly channels?: 1 | 3
  readonly seed?: number
}

/** The images that the method gets, unless told otherwise. */
export function imagesOf({ settings }: Subject, channels?: 1 | 3): ImageShape {
  return { size: settings.size ?? 16, channels: channels ?? settings.channels?.[0] ?? 3 }
}

/** A method with what it was made around. */
export interface Made {
  readonly method: Method
  dispose(): void
}

/** The method around a fresh backbone, made as programs make it. */
export function makeMethod(
  subject: Subject,
  { options: more = {}, channels, seed = 1 }: Variation = {},
): Made {
  const { definition, settings } = subject
  const images = imagesOf(subject, channels)
  const given = { ...settings.options, ...more }
  const options = resolveOptions(definition, given)
  const create =
    settings.backbone ??
    ((wanted: BackboneInput & { readonly seed: number }) => convnet({ widths: [4, 8], ...wanted }))
  const input = definition.backboneInput?.(images, options) ?? images
  const backbone = definition.ownBackbone?.(images, options, seed) ?? create({ ...input, seed })
  try {
    const method = definition.create(backbone, given, { seed, imageShape: images, makeBackbone: create })
    settings.prepare?.(method)
    return {
      method,
      dispose() {
        method.dispose()
        backbone.dispose()
      },
    }
  } catch (error) {
    backbone.dispose()
    throw error
  }
}

/** Gives `use` a method and disposes of it afterwards, whatever happens. */
export async function withMethod<Result>(
  subject: Subject,
  variation: Variation,
  use: (method: Method) => Result | Promise<Result>,
): Promise<Result> {
  const made = makeMethod(subject, variation)
  try {
    return await use(made.method)
  } finally {
    made.dispose()
  }
}

/** The one batch that all checks use: smooth images with a little noise, each of another brightness. */
export function batchFor(subject: Subject, method: Method, channels?: 1 | 3): ImageBatch {
  const { settings } = subject
  const count = settings.batchSize ?? 8
  const images = imagesOf(subject, channels)
  if (settings.batch) return settings.batch(count, images)
  const classes = settings.labels ?? Array.from({ length: count }, (_, i) => Math.floor((2 * i) / count))
  const labelled = settings.labels !== undefined || method.needs?.labels === true
  return {
    images: drawImages(count, images.size, images.channels),
    labels: labelled ? tf.tensor1d([...classes], 'int32') : (tf.fill([count], -1, 'int32') as tf.Tensor1D),
    indices: tf.range(0, count, 1, 'int32'),
  }
}

/** The same images as the crops that a program would cut while decoding. */
export function asCrops(method: Method, { images, ...batch }: ImageBatch): ImageBatch {
  const [count, , , channels] = images!.shape
  return { ...batch, crops: method.crops.map(({ size }) => drawImages(count, size, channels)) }
}

function drawImages(count: number, size: number, channels: number): tf.Tensor4D {
  return tf.tidy(() => {
    const coarse = tf.tensor4d(uniforms([1, 2], count * 16 * channels), [count, 4, 4, channels])
    const smooth = tf.image.resizeBilinear(coarse, [size, size])
    const fine = tf.tensor4d(uniforms([3, 4], smooth.size), smooth.shape)
    const brightness = tf.reshape(tf.div(tf.range(0, count), count), [count, 1, 1, 1])
    const mixed = tf.addN(
      [tf.mul(smooth, 140), tf.mul(fine, 15), tf.mul(brightness, tf.scalar(100))].map((part) =>
        tf.broadcastTo(part, smooth.shape),
      ),
    )
    return tf.cast(mixed, 'int32') as tf.Tensor4D
  })
}

/** All tensors in a container, in order. */
export function tensorsIn(container: tf.TensorContainer | undefined): tf.Tensor[] {
  return container === undefined || container === null
    ? []
    : tf.tensor_util.getTensorsInContainer(container as tf.TensorContainer)
}

/** Values of tensors, on the host. */
export function valuesOf(tensors: readonly tf.Tensor[]): number[][] {
  return tensors.map((tensor) => [...tensor.dataSync()])
}
