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

/**
 * How adversarial training goes wrong, in what its phases report.
 * @param deceiving metric of how little the generator deceives the discriminator: `generatorLoss`
 */
export const adversarialAlarms = (deceiving: string): readonly Alarm[] => [
  {
    metric: 'discriminator/sampleSpread',
    below: 0.1,
    steps: 200,
    name: 'collapse',
    says: 'the generator makes one picture whatever its latents; begin anew with another seed, or a smaller learning rate',
  },
  {
    // Those that learned were above 0.5 after a thousand steps and stayed there (BiGAN began at 0.29, DCGANs at 0.6).
    metric: 'discriminator/sampleSpread',
    below: 0.4,
    steps: 1000,
    name: 'narrowness',
    says: 'generated pictures differ far less than real ones do: few kinds of them are made, or noise; take a smaller learning rate, or (of bigan) cycle=0.02',
  },
  {
    // Not its accuracy: batch normalisation shows a discriminator which batch is the real one, and generators learn all the same.
    metric: deceiving,
    above: 8,
    steps: 200,
    name: 'divergence',
    says: 'hardly a picture deceives the discriminator any more, so that the generator learns little; take a smaller learning rate, or (of gan) r1=1',
  },
]
