/** What `load` of packages.mjs gives, by the name of a package's folder. */
export interface Built {
  readonly advise: typeof import('@selfsup/advise')
  readonly augment: typeof import('@selfsup/augment')
  readonly backbones: typeof import('@selfsup/backbones')
  readonly core: typeof import('@selfsup/core')
  readonly cpc: typeof import('@selfsup/cpc')
  readonly data: typeof import('@selfsup/data')
  readonly engine: typeof import('@selfsup/engine')
  readonly diet: typeof import('@selfsup/diet')
  readonly distillation: typeof import('@selfsup/distillation')
  readonly evaluation: typeof import('@selfsup/evaluation')
  readonly export: typeof import('@selfsup/export')
  readonly generative: typeof import('@selfsup/generative')
  readonly iic: typeof import('@selfsup/iic')
  readonly kernels: typeof import('@selfsup/kernels')
  readonly losses: typeof import('@selfsup/losses')
  readonly 'metric-learning': typeof import('@selfsup/metric-learning')
  readonly optim: typeof import('@selfsup/optim')
  readonly pretext: typeof import('@selfsup/pretext')
  readonly retrieval: typeof import('@selfsup/retrieval')
  readonly runs: typeof import('@selfsup/runs')
  readonly simclr: typeof import('@selfsup/simclr')
  readonly tensorflow: typeof import('@selfsup/tensorflow')
  readonly train: typeof import('@selfsup/train')
}

/** What `bare` of packages.mjs gives, by name. */
export interface Bare {
  readonly '@tensorflow/tfjs-core': typeof import('@tensorflow/tfjs-core')
  readonly '@tensorflow/tfjs-layers': typeof import('@tensorflow/tfjs-layers')
  readonly sharp: { readonly default: typeof import('sharp') }
}

/** One measured number. */
export interface Row {
  readonly case: string
  readonly value: number
  readonly unit: string
}

/** The last line that a side of a benchmark writes. */
export interface Report {
  readonly engine?: string
  readonly versions?: string
  readonly rows: readonly Row[]
}

/** A report with whose it is. */
export interface Measured extends Report {
  readonly side: 'ours' | 'peer'
}

/** A case with the medians of both sides. */
export interface TableRow {
  readonly case: string
  readonly unit: string
  readonly ours: number | null
  readonly peer: number | null
  readonly ratio: number | null
}
