import type { OptionValue } from '@selfsup/core'

/**
 * Sizes that keep the tests short, and how long each trains. The learning rate is 1/250 of the method's own: at that rate
 * two trainings that differ by rounding stay together, and weights of 16 bits would hardly move: with weights rounded to
 * bfloat16 after each step, the cosine fails for every method. Momentum networks take larger images, for which the
 * rounding of gradients averages out.
 */
export const smallMethods: Readonly<
  Record<
    string,
    { readonly steps?: number; readonly size?: number; readonly options?: Record<string, OptionValue> }
  >
> = {
  simclr: { options: { hidden: 64, outputs: 32 } },
  moco: { options: { hidden: 64, outputs: 32, queue: 64, temperature: 0.2 }, steps: 100, size: 24 },
  byol: { options: { hidden: 64, outputs: 32, momentum: 0.97 }, steps: 100, size: 24 },
  simsiam: { options: { outputs: 64, bottleneck: 16 } },
  'barlow-twins': { options: { outputs: 64, hidden: 64 }, size: 24 },
  vicreg: { options: { outputs: 64, hidden: 64 } },
  iic: { options: { repeats: 1, subHeads: 2, overClusters: 20 } },
  cpc: { options: { steps: 2, blocks: 1, width: 32, targets: 16, patch: 8, stride: 4 } },
  'cpc-series': { options: { steps: 4, filters: 32, units: 32 } },
  'relative-patch': { options: { hidden: 64, pairs: 1 }, size: 32 },
  jigsaw: { options: { puzzles: 1, hidden: 64, tileFeatures: 16 }, size: 32 },
  autoencoder: { options: { width: 8, latent: 16 } },
  denoising: { options: { width: 8, latent: 16 } },
  'context-encoder': { options: { width: 8, latent: 16, discriminatorWidth: 8 } },
  'split-brain': { options: { width: 8 } },
  distillation: { options: { queue: 64 } },
  diet: { options: { frozen: 0, smoothing: 0 } },
  mae: { options: { decoderDepth: 1, decoderWidth: 32 }, steps: 6 },
  vae: { options: { width: 8 } },
  gan: { options: { width: 8, r1: 1 } },
  bigan: { options: { width: 16 } },
}
