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
 * Settings to choose from, for `pnpm bench settings`.
 * @param {string} method
 * @param {string} name
 * @param {readonly string[]} [flags] default: those of the method
 */
const trial = (method, name, flags = []) => [`${method}, ${name}`, { method, flags }]

const adamw = ['--optimizer', 'adamw', '--learning-rate', '1e-3', '--weight-decay', '1e-4']
const plainSgd = ['--optimizer', 'sgd', '--learning-rate', '0.06', '--weight-decay', '5e-4']

/** @type {Readonly<Record<string, { readonly method: string, readonly flags: readonly string[] }>>} */
export const trials = Object.fromEntries([
  trial('simclr', 'earlier defaults', set({ temperature: 0.5, minScale: 0.08 })),
  trial('simclr', 'defaults'),
  trial('byol', 'defaults'),
  trial('byol', 'adamw', adamw),
  trial('byol', 'sgd', plainSgd),
  trial('barlow-twins', 'defaults'),
  trial('barlow-twins', 'adamw', adamw),
  trial('vicreg', 'defaults'),
  trial('vicreg', 'adamw', adamw),
  trial('vicreg', 'sgd', plainSgd),
  trial('simsiam', 'defaults'),
  trial('simsiam', 'sgd', plainSgd),
  trial('simsiam', 'adamw', adamw),
])
