// Trainings of `pnpm bench methods`, as options of `selfsup pretrain`: all with the four-layer ConvNet, 32x32, batch size 256.

/**
 * `selfsup pretrain` takes learning rates for 256 images; methods that scale the rate with the batch size multiply it.
 * @param {number} rate
 */
const sgd = (rate) => [
  '--optimizer',
  'sgd',
  '--learning-rate',
  `${rate}`,
  '--weight-decay',
  '5e-4',
  '--warmup',
  '0',
]
/** @param {Readonly<Record<string, string | number | boolean>>} options */
const set = (options) => Object.entries(options).flatMap(([name, value]) => ['--set', `${name}=${value}`])

// Ten epochs each, with the defaults of each method, as somebody gets them who only names the method.
/** @type {Readonly<Record<string, { readonly method: string, readonly flags: readonly string[] }>>} */
export const tenEpochs = {
  simclr: { method: 'simclr', flags: [] },
  'moco v2': { method: 'moco', flags: [] },
  'moco v3': { method: 'moco', flags: set({ version: 'v3' }) },
  byol: { method: 'byol', flags: [] },
  simsiam: { method: 'simsiam', flags: [] },
  'barlow-twins': { method: 'barlow-twins', flags: [] },
  vicreg: { method: 'vicreg', flags: [] },
  iic: { method: 'iic', flags: [] },
  'metric-learning, supcon': { method: 'metric-learning', flags: [] },
}

/** Three epochs at several batch sizes, with proportional learning rates: the same number of images, more or fewer steps. */
export const batchSizes = Object.fromEntries(
  /** @type {const} */ (['simclr', 'moco', 'byol', 'barlow-twins']).flatMap((name) =>
    [32, 128, 512].map((batch) => [`${name}, batch ${batch}`, { name, batch }]),
  ),
)

/** Three epochs with the networks, views and schedule of methods-lightly.py. */
export const threeEpochs = {
  simclr: {
    method: 'simclr',
    flags: [...sgd(0.06), ...set({ hidden: 512, jitter: 1, temperature: 0.5, minScale: 0.08 })],
  },
  moco: {
    method: 'moco',
    flags: [
      ...sgd(0.06),
      ...set({ momentum: 0.99, temperature: 0.1, queue: 4096, hidden: 512, outputs: 128, batchGroups: 1 }),
    ],
  },
  byol: {
    method: 'byol',
    flags: [...sgd(0.06), ...set({ momentum: 0.99, hidden: 1024, outputs: 256, minScale: 0.08 })],
  },
  'barlow-twins': {
    method: 'barlow-twins',
    flags: [...sgd(0.06), ...set({ hidden: 1024, outputs: 1024, minScale: 0.08 })],
  },
}

/**
 * Settings to choose from, for `pnpm bench settings`: an optimiser, its rate for 256 images and its weight decay, and options.
 * @param {string} method
 * @param {string} name
 * @param {readonly [optimizer: string, rate: number, weightDecay: number] | undefined} optimiser undefined: the default
 * @param {Parameters<typeof set>[0]} [options]
 */
const trial = (method, name, optimiser, options = {}) => [
  `${method}, ${name}`,
  {
    method,
    flags: [
      ...(optimiser
        ? [
            '--optimizer',
            optimiser[0],
            '--learning-rate',
            `${optimiser[1]}`,
            '--weight-decay',
            `${optimiser[2]}`,
          ]
        : []),
      ...set(options),
    ],
  },
]

const adamw = /** @type {const} */ (['adamw', 1e-3, 1e-4])
const sgd5 = /** @type {const} */ (['sgd', 0.06, 5e-4])

/** @type {Readonly<Record<string, { readonly method: string, readonly flags: readonly string[] }>>} */
export const trials = Object.fromEntries([
  trial('simclr', 'earlier defaults', undefined, { temperature: 0.5, minScale: 0.08 }),
  trial('simclr', 'defaults', undefined),
  trial('byol', 'defaults', undefined),
  trial('byol', 'adamw', adamw),
  trial('byol', 'sgd', sgd5),
  trial('barlow-twins', 'defaults', undefined),
  trial('barlow-twins', 'adamw', adamw),
  trial('vicreg', 'defaults', undefined),
  trial('vicreg', 'adamw', adamw),
  trial('vicreg', 'sgd', sgd5),
  trial('simsiam', 'defaults', undefined),
  trial('simsiam', 'sgd', sgd5),
  trial('simsiam', 'adamw', adamw),
])
