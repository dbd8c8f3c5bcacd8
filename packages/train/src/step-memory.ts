import type { Method } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { LayersModel } from '@tensorflow/tfjs-layers'

/**
 * Bytes per activation of a network in a training step, and bytes of everything else. Measured with
 * `tooling/bench/step-memory.mjs`: native TensorFlow keeps the activations that gradients need; the other engines keep all
 * results of a step until it ends.
 */
const costs = {
  tensorflow: { activation: 5, fixed: 0.3e9 },
  webgpu: { activation: 17, fixed: 0.3e9 }, // not measured: as WebAssembly, with Dawn's buffers
  wasm: { activation: 17, fixed: 0.15e9 },
  cpu: { activation: 17, fixed: 0.15e9 },
} as const satisfies Record<Engine['name'], object>

/** Copies of the weights: gradients, the optimiser's slots, a momentum network, a checkpoint in memory. */
const WEIGHT_COPIES = 6

/** Largest memory of an engine in bytes, whatever the machine has: WebAssembly has 32-bit addresses. */
const limits: Partial<Record<Engine['name'], number>> = { wasm: 3.5e9 }

/**
 * Estimates the memory of a training step in bytes from the activations of the backbone, in addition to the memory of the
 * process. The estimate is a rough upper value: it can be twice the actual memory.
 */
export function stepMemory(method: Method, batchSize: number, engine: Engine['name']): number {
  const { activation, fixed } = costs[engine]
  const weights = Object.values(method.networks).reduce((sum, network) => sum + weightsOf(network), 0)
  return (
    fixed +
    4 * WEIGHT_COPIES * weights +
    activation * batchSize * passesPerImage(method) * activationsOf(method)
  )
}

/** The largest power of 2 as batch size whose step fits into `memory` bytes, or into the engine's own limit; at least 2. */
export function largestBatch(method: Method, engine: Engine['name'], memory: number): number {
  const most = Math.min(memory, limits[engine] ?? Number.POSITIVE_INFINITY)
  const fixed = stepMemory(method, 0, engine)
  const images = (most - fixed) / (stepMemory(method, 1, engine) - fixed)
  return images < 2 ? 2 : 2 ** Math.floor(Math.log2(images))
}

/** The engine's own limit of memory in bytes; undefined if only the machine limits it. */
export function memoryLimit(engine: Engine['name']): number | undefined {
  return limits[engine]
}

/** How often a backbone's input is computed for one image of a batch: views, or patches that together have the image's size. */
function passesPerImage({ crops, imageShape, networks }: Method): number {
  const side = sideOf(networks.backbone)
  if (side === undefined) return Math.max(1, crops.length)
  const pixels = crops.length > 0 ? crops.map(({ size }) => size ** 2) : [(imageShape?.size ?? side) ** 2]
  return Math.max(1, pixels.reduce((a, b) => a + b) / side ** 2)
}

function sideOf(model: LayersModel): number | undefined {
  const [, height, width] = model.inputs[0]?.shape ?? []
  return height && height === width ? height : undefined
}

/** Number of values that the layers of the backbone compute for one input. */
function activationsOf({ networks: { backbone } }: Method): number {
  // The first output of a layer: others belong to models that share the layer, such as one of its feature maps.
  const outputs = backbone.layers.flatMap((layer) => layer.getOutputAt(0))
  return outputs.reduce((sum, { shape }) => sum + product(shape.slice(1)), 0)
}

function weightsOf(model: LayersModel): number {
  return model.weights.reduce((sum, { shape }) => sum + product(shape), 0)
}

function product(shape: readonly (number | null)[]): number {
  return shape.reduce<number>((all, side) => all * (side ?? 1), 1)
}
