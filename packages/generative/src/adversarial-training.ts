import type { Alarm, TrainingDefaults } from '@selfsup/core'

/** Training defaults of adversarial networks: Adam with beta1 0.5 (Radford et al. 2016, arXiv:1511.06434, section 4). */
export const adversarialTraining: TrainingDefaults = {
  epochs: 50,
  batchSize: 128,
  learningRate: 2e-4,
  scaling: 'none',
  schedule: { name: 'constant' },
  optimizer: { name: 'adamw', beta1: 0.5, weightDecay: 0 },
}

/**
 * Alarms for the ways in which adversarial training fails.
 * @param deceiving name of the metric with the generator's loss (`generatorLoss`)
 */
export const adversarialAlarms = (deceiving: string): readonly Alarm[] => [
  {
    metric: 'discriminator/sampleSpread',
    below: 0.1,
    steps: 200,
    name: 'collapse',
    message:
      'the generator creates the same image for all latents; start again with another seed or a smaller learning rate',
  },
  {
    // In most successful runs the spread was above 0.5 after a thousand steps and stayed there (BiGAN started at 0.29, DCGANs at 0.6). One
    // BiGAN on MNIST was at 0.33 on average and recovered.
    metric: 'discriminator/sampleSpread',
    below: 0.4,
    steps: 1000,
    name: 'narrowness',
    message:
      'generated images vary much less than real ones: the generator creates few kinds of images, or noise; use a smaller learning rate, or cycle=0.02 (bigan only)',
  },
  {
    // The discriminator's accuracy does not tell: batch normalisation reveals which batch is real, yet generators improve.
    metric: deceiving,
    above: 8,
    steps: 200,
    name: 'divergence',
    message:
      'hardly any image deceives the discriminator, so the generator barely improves; use a smaller learning rate, or r1=1 (gan only)',
  },
]
