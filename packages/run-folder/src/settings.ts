import type { OptimizerSettings, ScheduleSettings } from '@selfsup/core'
import * as z from 'zod'

/** Settings of a training run in addition to method and images. They are stored with the run and used again to resume it. */
export interface TrainSettings {
  readonly epochs: number
  /** images per step; at least 2, at most the length of the dataset (or of the method's order) */
  readonly batchSize: number
  /** peak learning rate, used unscaled: `linearScaling` of @selfsup/optim scales it with the batch */
  readonly learningRate: number
  /** default SGD with momentum 0.9 */
  readonly optimizer?: OptimizerSettings
  /** default cosine without warm-up */
  readonly schedule?: ScheduleSettings
  /** seed of all randomness of the run (order, crops, augmentations); default 0 */
  readonly seed?: number
  /** ends the run after this many steps; the schedule ends there too */
  readonly maxSteps?: number
  /** steps between checkpoints; default whole epochs of about 100 steps, and at least every 15 minutes */
  readonly checkpointEvery?: number
  /** number of newest checkpoints to keep, in addition to the one with the lowest loss if losses are comparable; default 2 */
  readonly keepLast?: number
  /** steps between lines in metrics.jsonl; default 10 */
  readonly logEvery?: number
  /** number of checkpoints without a better score of the features after which training stops; default: it does not */
  readonly patience?: number
  /** the score by which training stops early: RankMe (default) or LiDAR, which needs more time and counts what views share */
  readonly stopBy?: 'rankme' | 'lidar'
}

const common = {
  weightDecay: z.number().optional(),
  exclude: z.enum(['biases-and-norms', 'nothing']).optional(),
  clipNorm: z.number().optional(),
}
const momentum = { momentum: z.number().optional(), nesterov: z.boolean().optional() }
const optimizer: z.ZodType<OptimizerSettings> = z.discriminatedUnion('name', [
  z.looseObject({ name: z.literal('sgd'), ...common, ...momentum }),
  z.looseObject({
    name: z.literal('lars'),
    ...common,
    ...momentum,
    trustCoefficient: z.number().optional(),
  }),
  z.looseObject({
    name: z.literal('adamw'),
    ...common,
    beta1: z.number().optional(),
    beta2: z.number().optional(),
    epsilon: z.number().optional(),
  }),
])

const warmup = { warmupEpochs: z.number().optional() }
const schedule: z.ZodType<ScheduleSettings> = z.discriminatedUnion('name', [
  z.looseObject({ name: z.literal('cosine'), ...warmup, final: z.number().optional() }),
  z.looseObject({ name: z.literal('constant'), ...warmup }),
  z.looseObject({
    name: z.literal('step'),
    ...warmup,
    milestones: z.array(z.number()),
    factor: z.number().optional(),
  }),
])

/** Settings in config.json; fields of later versions are kept. */
export const trainSettings: z.ZodType<TrainSettings> = z.looseObject({
  epochs: z.number(),
  batchSize: z.number(),
  learningRate: z.number(),
  optimizer: optimizer.optional(),
  schedule: schedule.optional(),
  seed: z.number().optional(),
  maxSteps: z.number().optional(),
  checkpointEvery: z.number().optional(),
  keepLast: z.number().optional(),
  logEvery: z.number().optional(),
  patience: z.number().optional(),
  stopBy: z.enum(['rankme', 'lidar']).optional(),
})

/** Number of steps of a run. */
export function totalStepsOf(
  { epochs, maxSteps }: Pick<TrainSettings, 'epochs' | 'maxSteps'>,
  stepsPerEpoch: number,
): number {
  return Math.min(stepsPerEpoch * epochs, maxSteps ?? Number.POSITIVE_INFINITY)
}
