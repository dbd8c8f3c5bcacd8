import type { Alarm, TrainingDefaults } from '@selfsup/core'

/** How adversarial networks are trained: Adam with a short memory (Radford et al. 2016, arXiv:1511.06434, section 4). */
export const adversarialTraining: TrainingDefaults = {
  epochs: 50,
  batchSize: 128,
  learningRate: 2e-4,
  scaling: 'none',
  schedule: { name: 'constant' },
  optimizer: { name: 'adamw', beta1: 0.5, weightDecay: 0 },
}

/** How adversarial training goes wrong, in what its discriminator's phase reports. */
export const adversarialAlarms: readonly Alarm[] = [
  {
    metric: 'discriminator/sampleSpread',
    below: 0.1,
    steps: 200,
    name: 'collapse',
    says: 'the generator makes one picture whatever its latents; begin anew with another seed, or a smaller learning rate',
  },
  {
    metric: 'discriminator/accuracy',
    above: 0.999,
    steps: 200,
    name: 'divergence',
    says: 'the discriminator tells every picture, so that the generator learns little more; take a smaller learning rate, or (of gan) r1=1',
  },
]
