import type { OptimizerSettings, ScheduleSettings } from '@selfsup/core'
import { z } from 'zod'

/** What a run is made of in addition to method and images: stored with it, the same when it is resumed. */
export interface TrainSettings {
  readonly epochs: number
  /** images a step; at least 2, at most the dataset's length (or that of the method's order) */
  readonly batchSize: number
  /** the highest, as it is: `linearScaling` of @selfsup/optim fits it to the batch */
  readonly learningRate: number
  /** default SGD with momentum 0.9 */
  readonly optimizer?: OptimizerSettings
  /** default cosine without warm-up */
  readonly schedule?: ScheduleSettings
  /** of order, crops, augmentations: all randomness of the run; default 0 */
  readonly seed?: number
  /** ends the run after this many steps, the schedule with it */
  readonly maxSteps?: number
  /** steps between checkpoints; default as many whole epochs as make 100 steps, and at least every 15 minutes */
  readonly checkpointEvery?: number
  /** newest checkpoints that stay, in addition to the one of lowest loss where losses can be compared; default 2 */
  readonly keepLast?: number
  /** steps between lines in metrics.jsonl; default 10 */
  readonly logEvery?: number
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

/** Settings as they stand in config.json; fields of later versions stay. */
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
})

/** How many steps a run has. */
export function totalStepsOf(
  { epochs, maxSteps }: Pick<TrainSettings, 'epochs' | 'maxSteps'>,
  stepsPerEpoch: number,
): number {
  return Math.min(stepsPerEpoch * epochs, maxSteps ?? Number.POSITIVE_INFINITY)
}
