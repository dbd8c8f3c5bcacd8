import { type Augmentation, augmentation } from '@selfsup/augment'
import {
  derive,
  expected,
  type HostBatch,
  type ImageBatch,
  imageTensor,
  mixSeed,
  type Seed,
} from '@selfsup/core'
import type { CompiledStep, Engine } from '@selfsup/engine'
import { adamw, biasesAndNorms, type Optimizer, warmupCosine } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import { extractFeatures } from './features.js'
import { sample } from './few-shot.js'
import { type Graded, grade } from './grade.js'
import { layerRates } from './layer-rates.js'
import { PendingLosses } from './pending-losses.js'
import type { Images, TrainableNetwork } from './protocol.js'
import { spreadRows } from './rows-of.js'

export interface FineTuneOptions {
  readonly engine: Engine
  /** number of updates */
  readonly steps: number
  /** images per step; default 128, or all if there are fewer */
  readonly batchSize?: number
  /** peak learning rate, after a warmup over the first twentieth of the steps; then cosine decay to 0. Default 1e-3 */
  readonly learningRate?: number
  /** weight decay of AdamW, applied to all weights except biases and norms; default 0.05 */
  readonly weightDecay?: number
  /** factor from each block's learning rate to that of the block before it (`layerRates`); default 1, equal rates */
  readonly layerDecay?: number
  /** learning rate of the classifier as a multiple of the network's, since the classifier starts at zero; default 30 */
  readonly headRate?: number
  /** seed of the image order, crops and flips */
  readonly seed?: number
  /** steps after which the test accuracy is measured, for a learning curve; 0 means before the first step */
  readonly curve?: readonly number[]
  /** test images per point of the curve, evenly spaced; default 2000. The final accuracy uses all */
  readonly curveImages?: number
  readonly signal?: AbortSignal
  readonly onStep?: (step: number) => void
}

/** A point of a learning curve. */
export interface CurvePoint {
  readonly step: number
  /** training time since the first step, without the time for testing */
  readonly seconds: number
  readonly accuracy: number
}

export interface FineTuneResult extends Graded {
  readonly curve: readonly CurvePoint[]
  /** mean loss over the last tenth of the steps */
  readonly loss: number
}

/** Images to train and test on: positions in the datasets, and their classes (-1: left out). */
export interface LabelledImages extends Pick<Images, 'train' | 'test' | 'size' | 'normalisation'> {
  readonly learn: { readonly positions: Int32Array; readonly labels: Int32Array }
  readonly tell: { readonly positions: Int32Array; readonly labels: Int32Array }
}

/**
 * Trains a whole network, with a zero-initialised linear classifier on top, on labelled images: random crops of at least 80 % of
 * the area (8 % for images above 64 pixels, as is usual for ImageNet), horizontal flips for colour images, AdamW; one compiled
 * step. The network contains the trained weights afterwards.
 * @throws SelfsupError if the training images have fewer than two classes, or steps or batch size are out of range
 */
export async function fineTune(
  network: TrainableNetwork,
  images: LabelledImages,
  options: FineTuneOptions,
): Promise<FineTuneResult> {
  const { engine, steps, seed = 1, curve = [], curveImages = 2000, signal, onStep } = options
  const { learningRate = 1e-3, batchSize = 128 } = options
  expected(Number.isInteger(steps) && steps >= 1, `fineTune: steps must be at least 1; got ${steps}`)
  expected(
    Number.isInteger(batchSize) && batchSize >= 2,
    `fineTune: batchSize must be a whole number of at least 2; got ${batchSize}`,
  )
  const labels = labelsByPosition(images)
  const known = images.learn.positions.filter((position) => labels.get(position) !== undefined)
  const classes = Math.max(-1, ...new Set(labels.values())) + 1
  expected(
    new Set(labels.values()).size >= 2,
    'fineTune: the training images have fewer than two classes; put the images into one folder per class',
  )
  const batch = Math.max(2, Math.min(batchSize, known.length))
  const trainer = makeTrainer(network, images, classes, options)
  const evaluate = makeEvaluation(network, trainer.head, images, engine)
  const warmupSteps = Math.floor(steps / 20)
  const rateAt = warmupCosine({ base: learningRate, warmupSteps, totalSteps: steps })
  const points: CurvePoint[] = []
  const losses = new PendingLosses(Math.floor(steps * 0.9))
  try {
    let seconds = 0
    const test = async (step: number) => {
      if (curve.includes(step))
        points.push({ step, seconds, accuracy: (await evaluate(curveImages, signal)).accuracy })
    }
    await test(0)
    let step = 0
    let started = performance.now()
    const order = passes(known, steps * batch, [seed, 0xf17e])
    const seedOf = (number: number) => mixSeed(seed, 0xf1e7, number)
    const { crops } = trainer.augmentation
    for await (const host of images.train.batches({ batchSize: batch, order, crops, seedOf, signal })) {
      signal?.throwIfAborted()
      await losses.add(trainer.step(host, labels, seedOf(step), rateAt(step)))
      step++
      onStep?.(step)
      if (!curve.includes(step)) continue
      await trainer.done()
      seconds += (performance.now() - started) / 1000
      await test(step)
      started = performance.now()
    }
    const loss = await losses.mean()
    const graded = await evaluate(Number.POSITIVE_INFINITY, signal)
    return { ...graded, curve: points, loss }
  } finally {
    losses.dispose()
    evaluate.dispose()
    trainer.dispose()
  }
}

function labelsByPosition({ learn }: LabelledImages): Map<number, number> {
  const labels = new Map<number, number>()
  for (const [i, position] of learn.positions.entries())
    if (learn.labels[i]! >= 0) labels.set(position, learn.labels[i]!)
  return labels
}

/** Concatenated shuffles of the positions, `wanted` in total. */
function passes(positions: Int32Array, wanted: number, seed: Seed): Uint32Array {
  const order = new Uint32Array(wanted)
  for (let pass = 0, at = 0; at < wanted; pass++)
    for (const i of sample(positions.length, positions.length, derive(seed, pass))) {
      if (at === wanted) break
      order[at++] = positions[i]!
    }
  return order
}

/** A linear classifier on the features. */
interface Head {
  readonly kernel: tf.Variable<tf.Rank.R2>
  readonly bias: tf.Variable<tf.Rank.R1>
}

function makeTrainer(
  network: TrainableNetwork,
  { train, size, normalisation }: LabelledImages,
  classes: number,
  { engine, weightDecay = 0.05, layerDecay = 1, headRate = 30 }: FineTuneOptions,
) {
  const augment = supervisedView(size, train.channels, normalisation)
  const width = widthOf(network, size, train.channels)
  const head: Head = tf.tidy(() => ({
    kernel: tf.variable(tf.zeros([width, classes])) as Head['kernel'],
    bias: tf.variable(tf.zeros([classes])) as Head['bias'],
  }))
  const weights = { ...network.weights, 'head/kernel': head.kernel, 'head/bias': head.bias }
  const rates = {
    ...layerRates(Object.keys(network.weights), layerDecay),
    'head/kernel': headRate,
    'head/bias': headRate,
  }
  const groups = optimisers(weights, rates, weightDecay)

  const compiled: CompiledStep<[Views, tf.Tensor1D, tf.Tensor1D, tf.Scalar], tf.Scalar> = engine.compile(
    (views: Views, labels: tf.Tensor1D, seed: tf.Tensor1D, learningRate: tf.Scalar) => {
      const [view] = augment.apply(views, seed)
      const targets = tf.oneHot(labels, classes)
      const { value, grads } = tf.variableGrads(() => {
        const logits = tf.add(tf.matMul(network.apply(view!, true), head.kernel), head.bias) as tf.Tensor2D
        return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), targets), 1))) as tf.Scalar
      }, Object.values(weights))
      for (const { rate, names, optimizer } of groups) {
        const gradients: Record<string, tf.Tensor> = {}
        for (const name of names) {
          const gradient = grads[weights[name as keyof typeof weights]!.name]
          if (gradient) gradients[name] = gradient
        }
        optimizer.apply(gradients, { learningRate: tf.mul(learningRate, rate) as tf.Scalar })
      }
      return value
    },
  )
  return {
    head,
    augmentation: augment,
    step(host: HostBatch, labels: ReadonlyMap<number, number>, seed: Seed, rate: number): tf.Scalar {
      const views = onDevice(host)
      // An unreadable image is replaced by another one of its class, which may not be one of the training images.
      const classOf = (position: number, slot: number) => labels.get(position) ?? host.labels[slot]!
      const inputs = [
        tf.tensor1d(Int32Array.from(host.indices, classOf), 'int32'),
        tf.tensor1d([...seed], 'int32'),
        tf.scalar(rate),
      ] as const
      const loss = compiled(views, ...inputs)
      tf.dispose([Object.values(views), inputs as unknown as tf.Tensor[]])
      return loss
    },
    /** Waits until the device has finished all steps. */
    async done(): Promise<void> {
      await head.bias.data()
    },
    dispose(): void {
      compiled.dispose()
      for (const { optimizer } of groups) optimizer.dispose()
      tf.dispose([head.kernel, head.bias])
    },
  }
}

type Views = Pick<ImageBatch, 'images' | 'crops'>

function onDevice({ images, crops }: HostBatch): Views {
  return images ? { images: imageTensor(images) } : { crops: crops!.map(imageTensor) }
}

/** One optimiser per learning rate. */
function optimisers(
  weights: Readonly<Record<string, tf.Variable>>,
  rates: Readonly<Record<string, number>>,
  weightDecay: number,
): { rate: number; names: string[]; optimizer: Optimizer }[] {
  return [...new Set(Object.values(rates))].map((rate) => {
    const names = Object.keys(weights).filter((name) => rates[name] === rate)
    const own = Object.fromEntries(names.map((name) => [name, weights[name]!]))
    return { rate, names, optimizer: adamw(own, { weightDecay, exclude: biasesAndNorms }) }
  })
}

function supervisedView(
  size: number,
  channels: number,
  normalisation: LabelledImages['normalisation'],
): Augmentation {
  const scale = [size <= 64 ? 0.8 : 0.08, 1] as const
  return augmentation([{ size, scale, horizontalFlip: channels === 1 ? 0 : 0.5 }], normalisation)
}

function widthOf(network: TrainableNetwork, size: number, channels: number): number {
  return tf.tidy(() => network.apply(tf.zeros([1, size, size, channels]) as tf.Tensor4D, false).shape[1])
}

/** Creates a function that classifies up to `most` test images, with batch normalisation in inference mode. */
function makeEvaluation(
  network: TrainableNetwork,
  { kernel, bias }: Head,
  { test, tell, size, normalisation }: LabelledImages,
  engine: Engine,
) {
  const once = compiledOnce(engine)
  const evaluate = async (most: number, signal?: AbortSignal): Promise<Graded> => {
    const rows = spreadRows(tell.positions.length, most)
    const logits = await extractFeatures(
      (images) => tf.add(tf.matMul(network.apply(images, false), kernel), bias) as tf.Tensor2D,
      test,
      {
        normalisation,
        size,
        positions: Uint32Array.from(rows, (row) => tell.positions[row]!),
        engine: once,
        signal,
      },
    )
    const labels = new Map(Array.from(tell.positions, (position, row) => [position, tell.labels[row]!]))
    const predictions = Int32Array.from({ length: logits.count }, (_, row) => {
      const own = logits.values.subarray(row * logits.width, (row + 1) * logits.width)
      return own.indexOf(own.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY))
    })
    return grade(
      'fineTune',
      predictions,
      logits.indices.map((position) => labels.get(position) ?? -1),
    )
  }
  return Object.assign(evaluate, { dispose: () => once.dispose() })
}

/** An engine that compiles the first step it receives and reuses it for all later ones. */
function compiledOnce(engine: Engine): Pick<Engine, 'compile'> & { dispose(): void } {
  let first: CompiledStep<never[], never> | undefined
  return {
    compile(step, options) {
      first ??= engine.compile(step, options) as unknown as CompiledStep<never[], never>
      const compiled = first as unknown as ReturnType<typeof engine.compile>
      return Object.assign((...args: unknown[]) => compiled(...args), { captures: 0, dispose() {} }) as never
    },
    dispose: () => first?.dispose(),
  }
}
