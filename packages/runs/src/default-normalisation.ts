import type { Normalisation } from '@selfsup/core'

/** The default normalisation of pixels: ImageNet's statistics, those of grey images for one channel. */
export async function defaultNormalisation(channels: number): Promise<Normalisation> {
  const { normalisationOf } = await import('@selfsup/augment')
  return normalisationOf(channels)
}
