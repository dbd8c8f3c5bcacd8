import {
  derive,
  expected,
  type HostBatch,
  type ImageDataset,
  imageTensor,
  type Normalisation,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { adamw, biasesAndNorms, warmupCosine } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import { type DetectionHead, type DetectorOutput, detectionHead } from './detection-head.js'
import { detectionLoss } from './detection-loss.js'
import type { DetectedImage } from './detection-precision.js'
import { detectionsOf, type Grid, placeTargets, seenBoxes } from './detection-targets.js'
import { extractFeatures, networkInput } from './features.js'
import { sample } from './few-shot.js'
import { PendingLosses } from './pending-losses.js'
import type { TrainableNetwork } from './protocol.js'

/** Images with annotated boxes. */
export interface AnnotatedImages {
  readonly dataset: ImageDataset
  /** positions of the images to use; default all */
  readonly positions?: ArrayLike<number>
}

export interface DetectorOptions {
  readonly engine: Engine
  /** side of the network's input, in pixels */
  readonly size: number
  readonly normalisation: Normalisation
  /** number of classes; default: one more than the highest class among the training boxes */
  readonly classes?: number
  /** number of updates; default 1000 */
  readonly steps?: number
  /** images per step; default 64 */
  readonly batchSize?: number
  /** peak learning rate of AdamW; default 2e-3 */
  readonly learningRate?: number
  /** learning rate of the network as a fraction of the head's; 0 (the default) freezes the network */
  readonly networkRate?: number
  /** channels of the head's convolutions; default 96 */
  readonly width?: number
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly onStep?: (step: number) => void
}

/** A trained detector. */
export interface Detector {
  /** mean loss over the last tenth of the steps */
  readonly loss: number
  /** Detects objects in images; returns them with the true objects. */
  detect(images: AnnotatedImages): Promise<DetectedImage[]>
  dispose(): void
}

/**
 * Trains a small detector (FCOS's head on one level) on a network's two coarsest feature maps. The whole step is compiled.
 * The network is unchanged afterwards, unless `networkRate` is above 0.
 * @throws SelfsupError if the network has no maps, the images have no boxes or different sizes, or an option is out of range
 */
export async function trainDetector(
  network: TrainableNetwork,
  images: AnnotatedImages,
  options: DetectorOptions,
): Promise<Detector> {
  const { engine, size, normalisation, networkRate = 0, seed = 1, signal, onStep } = options
  const { steps = 1000, batchSize = 64, learningRate = 2e-3 } = options
  for (const [name, value] of Object.entries({ steps, batchSize }))
    expected(Number.isInteger(value) && value >= 1, `trainDetector: ${name} must be at least 1; got ${value}`)
  expected(networkRate >= 0, `trainDetector: networkRate must be at least 0; got ${networkRate}`)
  const positions = positionsOf(images)
  const truths = new Map(positions.map((position) => [position, truthOf(images.dataset, position, size)]))
  const named = [...truths.values()].flat().reduce((most, { label }) => Math.max(most, label), -1) + 1
  const { classes = named } = options
  expected(
    named >= 1 && named <= classes,
    `trainDetector: ${images.dataset.name} must have boxes of classes 0 to ${classes - 1}; the highest is ${named - 1}`,
  )
  const { channels } = images.dataset
  const { head, grid } = headFor(network, { size, channels, classes, width: options.width, seed })
  const optimisers = [{ weights: head.weights, rate: 1 }]
  if (networkRate > 0) optimisers.push({ weights: network.weights, rate: networkRate })
  const groups = optimisers.map((each) => ({
    ...each,
    optimizer: adamw(each.weights, { weightDecay: 1e-4, exclude: biasesAndNorms }),
  }))
  const trained = groups.flatMap(({ weights }) => Object.values(weights))
  const step = engine.compile(
    (images: tf.Tensor4D, labels: tf.Tensor2D, sides: tf.Tensor3D, rate: tf.Scalar): tf.Scalar => {
      const seen = networkInput(images, size, normalisation)
      const { value, grads } = tf.variableGrads(
        () => detectionLoss(head.apply(network.maps!(seen, networkRate > 0)), { labels, sides }),
        trained,
      )
      for (const { weights, rate: part, optimizer } of groups) {
        const gradients: Record<string, tf.Tensor> = {}
        for (const [name, variable] of Object.entries(weights)) {
          const gradient = grads[variable.name]
          if (gradient) gradients[name] = gradient
        }
        optimizer.apply(gradients, { learningRate: tf.mul(rate, part) as tf.Scalar })
      }
      return value
    },
  )
  const rateAt = warmupCosine({
    base: learningRate,
    warmupSteps: Math.floor(steps / 20),
    totalSteps: steps,
  })
  const losses = new PendingLosses(Math.floor(steps * 0.9))
  try {
    const batch = Math.min(batchSize, positions.length)
    const order = passes(positions, steps * batch, seed)
    let done = 0
    for await (const host of images.dataset.batches({ batchSize: batch, order, size, signal })) {
      signal?.throwIfAborted()
      const inputs = inputsOf(host, (position) => placeTargets(truths.get(position)!, grid), grid)
      const rate = tf.scalar(rateAt(done++))
      const loss = step(inputs.images, inputs.labels, inputs.sides, rate)
      tf.dispose([inputs.images, inputs.labels, inputs.sides, rate])
      await losses.add(loss)
      onStep?.(done)
    }
    const loss = await losses.mean()
    return { loss, ...detectorOf(network, head, grid, classes, options) }
  } catch (error) {
    head.dispose()
    throw error
  } finally {
    losses.dispose()
    step.dispose()
    for (const { optimizer } of groups) optimizer.dispose()
  }
}

function detectorOf(
  network: TrainableNetwork,
  head: DetectionHead,
  grid: Grid,
  classes: number,
  { engine, size, normalisation, signal }: DetectorOptions,
): Pick<Detector, 'detect' | 'dispose'> {
  return {
    async detect(images) {
      const positions = Uint32Array.from(positionsOf(images))
      const said = await extractFeatures(
        (seen) => flattened(head.apply(network.maps!(seen, false))),
        images.dataset,
        { size, normalisation, positions, engine, signal },
      )
      return Array.from(said.indices, (position, row) => ({
        truth: truthOf(images.dataset, position, size),
        found: detectionsOf(said.values.subarray(row * said.width, (row + 1) * said.width), classes, grid),
      }))
    },
    dispose: () => head.dispose(),
  }
}

/** Scores (square root of class score times centre-ness) and sides of all locations, [batch, locations * (classes + 4)]. */
function flattened({ logits, sides, centreness }: DetectorOutput): tf.Tensor2D {
  const scores = tf.sqrt(tf.mul(tf.sigmoid(logits), tf.expandDims(tf.sigmoid(centreness), 2)))
  return tf.reshape(tf.concat([scores, sides], 2), [logits.shape[0], -1])
}

interface HeadOptions {
  readonly size: number
  readonly channels: number
  readonly classes: number
  readonly width?: number
  readonly seed: number
}

function headFor(
  network: TrainableNetwork,
  { size, channels, classes, width, seed }: HeadOptions,
): { head: DetectionHead; grid: Grid } {
  const { maps } = network
  expected(maps, 'trainDetector: the network has no feature maps; use a convolutional network')
  const [fine, coarse] = tf.tidy(() =>
    maps(tf.zeros([1, size, size, channels]) as tf.Tensor4D, false).map(({ shape }) => shape),
  )
  const grid: Grid = { side: fine![1], stride: size / fine![1] }
  const shape = { channels: [fine![3], coarse![3]], classes, width, stride: grid.stride } as const
  return { head: detectionHead({ ...shape, seed: [seed, 0xde7] }), grid }
}

function positionsOf({ dataset, positions }: AnnotatedImages): number[] {
  return positions ? Array.from(positions) : Array.from({ length: dataset.length }, (_, i) => i)
}

function truthOf(dataset: ImageDataset, position: number, size: number) {
  const { imageSize, name } = dataset
  const boxes = dataset.annotations?.(position)?.boxes
  expected(
    imageSize && boxes,
    `${name}: ${boxes ? 'all images must have the same size' : `image ${position} has no annotated boxes`}`,
  )
  return seenBoxes(boxes, imageSize, size)
}

/** Concatenated shuffles of the positions, `wanted` in total. */
function passes(positions: readonly number[], wanted: number, seed: number): Uint32Array {
  const order = new Uint32Array(wanted)
  for (let pass = 0, at = 0; at < wanted; pass++)
    for (const i of sample(positions.length, positions.length, derive([seed, 0xb0c5], pass))) {
      if (at === wanted) break
      order[at++] = positions[i]!
    }
  return order
}

function inputsOf(
  { images, indices }: HostBatch,
  targetsOf: (position: number) => ReturnType<typeof placeTargets>,
  { side }: Grid,
) {
  const [batch, places] = [indices.length, side * side]
  const labels = new Int32Array(batch * places)
  const sides = new Float32Array(batch * places * 4)
  for (const [row, position] of indices.entries()) {
    const targets = targetsOf(position)
    labels.set(targets.labels, row * places)
    sides.set(targets.sides, row * places * 4)
  }
  return {
    images: imageTensor(images!),
    labels: tf.tensor2d(labels, [batch, places], 'int32'),
    sides: tf.tensor3d(sides, [batch, places, 4]),
  }
}
