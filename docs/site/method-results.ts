/** Which rows of which benchmark belong to a method. */
export interface ResultChoice {
  readonly benchmark: string
  readonly rows: RegExp
}

const twoViews = (name: string): ResultChoice[] => [
  { benchmark: 'methods', rows: new RegExp(`^(${name}[:,]|random weights: |raw pixels: )`) },
]
const task = (name: string): ResultChoice[] => [{ benchmark: 'pretext', rows: new RegExp(`^${name}:`) }]
const autoencoder = (name: string): ResultChoice[] => [
  { benchmark: 'generative', rows: new RegExp(`^${name}( on MNIST)?:`) },
]

/** The measured results that a method's page shows, by the method's name. */
export const methodResults: Readonly<Record<string, readonly ResultChoice[]>> = {
  distillation: [{ benchmark: 'distillation', rows: /^(student|teacher)/ }],
  simclr: twoViews('simclr'),
  moco: twoViews('moco( v2)?'),
  byol: twoViews('byol'),
  simsiam: twoViews('simsiam'),
  'barlow-twins': twoViews('barlow-twins'),
  vicreg: twoViews('vicreg'),
  iic: [{ benchmark: 'iic', rows: /accuracy/ }],
  'cpc-series': [{ benchmark: 'cpc', rows: /^MNIST rows/ }],
  'metric-learning': [
    { benchmark: 'metric-learning', rows: /./ },
    { benchmark: 'methods', rows: /^metric-learning/ },
  ],
  rotation: task('rotation'),
  'relative-patch': task('relative-patch'),
  jigsaw: task('jigsaw'),
  autoencoder: autoencoder('autoencoder'),
  denoising: autoencoder('denoising'),
  'context-encoder': autoencoder('context-encoder'),
  'split-brain': autoencoder('split-brain'),
  mae: autoencoder('mae'),
  vae: [{ benchmark: 'generative', rows: /^(VAE|1-NN of raw)/ }],
  gan: [{ benchmark: 'generative', rows: /^(GAN|classifier|1-NN of raw)/ }],
  bigan: [{ benchmark: 'generative', rows: /^(BiGAN|1-NN of raw)/ }],
}
