import type { ImageDataset, Method, MethodDefinition } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'

/** What automatic settings depend on, besides method and images. */
export interface Resources {
  readonly engine: Pick<Engine, 'name' | 'gpu'>
  /** bytes that this process may use */
  readonly memory: number
}

/** Input sizes for large images, by engine: larger images take minutes for a step without a GPU. */
const sizes = { gpu: 224, tensorflow: 96, webgpu: 32, wasm: 64, cpu: 32 } as const

/** Sizes for images that are smaller than the engine's. */
const smallerSizes = [16, 32, 48, 64, 96] as const

/**
 * Chooses the size of a network's input images: 32 for small images of one size; otherwise 224 on a GPU, 96 on processors, 64 on
 * WebAssembly, 32 on plain JavaScript and on WebGPU without a GPU, but not larger than most images are.
 * @param median median of the images' shorter sides in pixels, if it is known
 */
export function automaticSize(
  { imageSize }: Pick<ImageDataset, 'imageSize'>,
  { engine }: Pick<Resources, 'engine'>,
  median = Number.POSITIVE_INFINITY,
): number {
  if (imageSize) return 32
  const size = engine.gpu ? sizes.gpu : sizes[engine.name]
  return size <= median
    ? size
    : (smallerSizes.filter((smaller) => smaller <= median).at(-1) ?? smallerSizes[0])
}

/** Memory below which the small network is chosen: ResNet-18 with batches of 64 images needs about 1.5 GB. */
const LITTLE_MEMORY = 4e9

/** Chooses the backbone of a method without its own: ResNet-18, or a small network on slow engines or with little memory. */
export function automaticBackbone(
  { backbone }: Pick<MethodDefinition, 'backbone'>,
  { engine, memory }: Resources,
): string {
  if (backbone) return backbone
  return engine.gpu || (engine.name === 'tensorflow' && memory >= LITTLE_MEMORY) ? 'resnet18' : 'convnet'
}

/** Minimum number of steps per epoch that an automatic batch size leaves, if batches do not get too small. */
const STEPS_PER_EPOCH = 4

/** A smaller batch is chosen only if the dataset is smaller, or the memory requires it. */
const SMALLEST_BATCH = 16

/** Fraction of the memory that a training step may use; decoded images and other programs need the rest. */
const SHARE = 0.5

/**
 * Estimated memory of a quick step on engines that compute on the thread that asks for it, where progress and signals wait for the step.
 * The small network, images of 64 pixels: 128 took 17 s on WebAssembly with two threads, so that 16 take about 2 s. Plain JavaScript takes
 * longer than seconds even for the smallest batch.
 */
const quickSteps: Partial<Record<Engine['name'], number>> = { wasm: 0.9e9, cpu: 0.3e9 }

/**
 * Chooses the batch size: the method's, but a power of 2 that leaves four steps per epoch and whose step fits into half of the
 * memory and, on WebAssembly, takes seconds.
 * @param recommended the method's batch size
 */
export async function automaticBatch(
  method: Method,
  { recommended, length }: { readonly recommended: number; readonly length: number },
  { engine, memory }: Resources,
): Promise<number> {
  const { largestBatch } = await import('@selfsup/train')
  const byCount = Math.max(powerOf2(length / STEPS_PER_EPOCH), Math.min(SMALLEST_BATCH, powerOf2(length)))
  const byMemory = engine.gpu ? recommended : largestBatch(method, engine.name, SHARE * memory)
  const quick = quickSteps[engine.name]
  const byTime = quick ? Math.max(SMALLEST_BATCH, largestBatch(method, engine.name, quick)) : recommended
  const wanted = Math.max(2, Math.min(recommended, byCount, byMemory, byTime))
  const { min = 2, max = wanted, multipleOf = 1 } = method.needs?.batchSize ?? {}
  const fitting = Math.floor(Math.min(wanted, max) / multipleOf) * multipleOf
  return Math.max(fitting, Math.ceil(min / multipleOf) * multipleOf)
}

/** The largest power of 2 that is at most `value`; at least 2. */
function powerOf2(value: number): number {
  return Math.max(2, 2 ** Math.floor(Math.log2(value)))
}
