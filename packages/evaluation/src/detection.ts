import { derive, expected, type HostBatch, type ImageDataset, type Normalisation } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { adamw, biasesAndNorms, warmupCosine } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import { type DetectionHead, detectionHead, type Said } from './detection-head.js'
import { detectionLoss } from './detection-loss.js'
import type { DetectedPicture } from './detection-precision.js'
import { detectionsOf, type Grid, placeTargets, seenBoxes } from './detection-targets.js'
import { extractFeatures, seenPictures } from './features.js'
import { sample } from './few-shot.js'
import { LossesUnderWay } from './losses-under-way.js'
import type { TrainableNetwork } from './protocol.js'

/** Pictures whose boxes are known. */
export interface BoxedPictures {
  readonly dataset: ImageDataset
  /** those of it that are meant; default all */
  readonly positions?: ArrayLike<number>
}

export interface DetectorOptions {
  readonly engine: Engine
  /** side of the pictures that the network takes */
  readonly size: number
  readonly normalisation: Normalisation
  /** how many classes there are; default those that the pictures to learn from name */
  readonly classes?: number
  /** updates; default 1000 */
  readonly steps?: number
  /** pictures a step; default 64 */
  readonly batchSize?: number
  /** of AdamW, the highest; default 2e-3 */
  readonly learningRate?: number
  /** part of the rate at which the network itself is trained; 0 leaves it as it is. Default 0 */
  readonly networkRate?: number
  /** channels of the head's convolutions; default 96 */
  readonly width?: number
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly onStep?: (step: number) => void
}

/** A detector that was trained. */
export interface Detector {
  /** mean loss of the last tenth of the steps */
  readonly loss: number
  /** Looks for things in pictures, and says beside what was found what there is. */
  detect(pictures: BoxedPictures): Promise<DetectedPicture[]>
  dispose(): void
}

/**
 * Trains a small detector, FCOS's head on one level, on a network's two coarsest maps: classes and boxes of things. One
 * compiled step. The network is as it was afterwards, unless `networkRate` is above 0.
 * @throws SelfsupError when the network has no maps, pictures have no boxes or no common size, or options are out of range
 */
export async function trainDetector(
  network: TrainableNetwork,
  pictures: BoxedPictures,
  options: DetectorOptions,
): Promise<Detector> {
  const { engine, size, normalisation, networkRate = 0, seed = 1, signal, onStep } = options
  const { steps = 1000, batchSize = 64, learningRate = 2e-3 } = options
  for (const [name, value] of Object.entries({ steps, batchSize }))
    expected(Number.isInteger(value) && value >= 1, `trainDetector: ${name} must be at least 1; got ${value}`)
  expected(networkRate >= 0, `trainDetector: networkRate must not be below 0; got ${networkRate}`)
  const positions = positionsOf(pictures)
  const truths = new Map(positions.map((position) => [position, truthOf(pictures.dataset, position, size)]))
  const named = [...truths.values()].flat().reduce((most, { label }) => Math.max(most, label), -1) + 1
  const { classes = named } = options
  expected(
    named >= 1 && named <= classes,
    `trainDetector: ${pictures.dataset.name} must have boxes of classes 0 to ${classes - 1}; the highest is ${named - 1}`,
  )
  const { channels } = pictures.dataset
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
      const seen = seenPictures(images, size, normalisation)
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
  const losses = new LossesUnderWay(Math.floor(steps * 0.9))
  try {
    const batch = Math.min(batchSize, positions.length)
    const order = passes(positions, steps * batch, seed)
    let done = 0
    for await (const host of pictures.dataset.batches({ batchSize: batch, order, size, signal })) {
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
    async detect(pictures) {
      const positions = Uint32Array.from(positionsOf(pictures))
      const said = await extractFeatures(
        (seen) => flattened(head.apply(network.maps!(seen, false))),
        pictures.dataset,
        { size, normalisation, positions, engine, signal },
      )
      return Array.from(said.indices, (position, row) => ({
        truth: truthOf(pictures.dataset, position, size),
        found: detectionsOf(said.values.subarray(row * said.width, (row + 1) * said.width), classes, grid),
      }))
    },
    dispose: () => head.dispose(),
  }
}

/** Scores (of the class, times centre-ness, under a root) and sides of all places, [batch, places * (classes + 4)]. */
function flattened({ logits, sides, centreness }: Said): tf.Tensor2D {
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
  expected(maps, 'trainDetector: the network tells nothing about places; it must be convolutional')
  const [fine, coarse] = tf.tidy(() =>
    maps(tf.zeros([1, size, size, channels]) as tf.Tensor4D, false).map(({ shape }) => shape),
  )
  const grid: Grid = { side: fine![1], stride: size / fine![1] }
  const shape = { channels: [fine![3], coarse![3]], classes, width, stride: grid.stride } as const
  return { head: detectionHead({ ...shape, seed: [seed, 0xde7] }), grid }
}

function positionsOf({ dataset, positions }: BoxedPictures): number[] {
  return positions ? Array.from(positions) : Array.from({ length: dataset.length }, (_, i) => i)
}

function truthOf(dataset: ImageDataset, position: number, size: number) {
  const { imageSize, name } = dataset
  const boxes = dataset.annotations?.(position)?.boxes
  expected(
    imageSize && boxes,
    `${name}: ${boxes ? 'its pictures must be of one size' : `nothing is known of where things are in picture ${position}`}`,
  )
  return seenBoxes(boxes, imageSize, size)
}

/** Positions shuffled again and again, so many in all. */
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
    images: tf.tensor4d(images!.data, [...images!.shape], 'int32'),
    labels: tf.tensor2d(labels, [batch, places], 'int32'),
    sides: tf.tensor3d(sides, [batch, places, 4]),
  }
}
