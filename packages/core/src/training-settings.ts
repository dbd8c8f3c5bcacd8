/** What every optimiser can be told. */
export interface CommonOptimizerSettings {
  readonly weightDecay?: number
  /** what weight decay (and LARS' scaling) leaves out; default nothing for SGD, as in PyTorch, biases and norms for others */
  readonly exclude?: 'biases-and-norms' | 'nothing'
  /** gradients of a group are scaled down to this norm, taken over all of them together; default not at all */
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

/** An optimiser by name, with its options; plain data, so that a run can be written down. */
export type OptimizerSettings = SgdSettings | LarsSettings | AdamwSettings

/** How the learning rate goes over the run, after a linear warm-up of `warmupEpochs` (default 0). */
export type ScheduleSettings =
  | {
      readonly name: 'cosine'
      readonly warmupEpochs?: number
      /** the rate at the end, default 0 */
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

/** How a method is trained where the user says nothing else: the paper's recipe, or one for small machines. */
export interface TrainingDefaults {
  readonly epochs: number
  readonly batchSize: number
  /** the highest: for 256 images where `scaling` is linear, as it is where there is none */
  readonly learningRate: number
  /** whether the rate grows with the batch (Goyal et al. 2017) */
  readonly scaling: 'linear' | 'none'
  readonly schedule: ScheduleSettings
  readonly optimizer: OptimizerSettings
}
