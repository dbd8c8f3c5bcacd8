/** Settings that all optimisers share. */
export interface CommonOptimizerSettings {
  readonly weightDecay?: number
  /** weights excluded from weight decay and LARS scaling; default `nothing` for SGD, as in PyTorch, otherwise `biases-and-norms` */
  readonly exclude?: 'biases-and-norms' | 'nothing'
  /** maximum norm of all gradients of a group together, which are scaled down to it; default: no clipping */
  readonly clipNorm?: number
}

export interface SgdSettings extends CommonOptimizerSettings {
  readonly name: 'sgd'
  /** default 0.9 */
  readonly momentum?: number
  readonly nesterov?: boolean
}

export interface LarsSettings extends CommonOptimizerSettings {
  readonly name: 'lars'
  /** default 0.9 */
  readonly momentum?: number
  readonly nesterov?: boolean
  /** default 0.001 */
  readonly trustCoefficient?: number
}

export interface AdamwSettings extends CommonOptimizerSettings {
  readonly name: 'adamw'
  /** default 0.9 */
  readonly beta1?: number
  /** default 0.999 */
  readonly beta2?: number
  readonly epsilon?: number
}

/** Name and settings of an optimiser, as plain data that can be saved with a run. */
export type OptimizerSettings = SgdSettings | LarsSettings | AdamwSettings

/** Learning-rate schedule, after a linear warm-up of `warmupEpochs` (default 0). */
export type ScheduleSettings =
  | {
      readonly name: 'cosine'
      readonly warmupEpochs?: number
      /** learning rate at the end, default 0 */
      readonly final?: number
    }
  | { readonly name: 'constant'; readonly warmupEpochs?: number }
  | {
      readonly name: 'step'
      readonly warmupEpochs?: number
      /** epochs after which the rate is multiplied by `factor` */
      readonly milestones: readonly number[]
      /** default 0.1 */
      readonly factor?: number
    }

/** Default training settings of a method: the paper's recipe, or one for small machines. */
export interface TrainingDefaults {
  readonly epochs: number
  readonly batchSize: number
  /** highest learning rate; for a batch of 256 images if `scaling` is linear */
  readonly learningRate: number
  /** whether the learning rate is proportional to the batch size (Goyal et al. 2017) */
  readonly scaling: 'linear' | 'none'
  readonly schedule: ScheduleSettings
  readonly optimizer: OptimizerSettings
  /** number of checkpoints without a better score after which training stops early; default: it does not */
  readonly patience?: number
}
