import { type MethodDefinition, SelfsupError, unknownName } from '@selfsup/core'

/** The method packages; each is imported only when its method is requested. */
const methodPackages: Readonly<Record<string, () => Promise<MethodDefinition>>> = {
  simclr: async () => (await import('@selfsup/simclr')).definition,
  moco: async () => (await import('@selfsup/moco')).definition,
  byol: async () => (await import('@selfsup/byol')).definition,
  simsiam: async () => (await import('@selfsup/byol')).simsiamDefinition,
  'barlow-twins': async () => (await import('@selfsup/barlow-twins')).definition,
  vicreg: async () => (await import('@selfsup/barlow-twins')).vicregDefinition,
  iic: async () => (await import('@selfsup/iic')).definition,
  cpc: async () => (await import('@selfsup/cpc')).definition,
  'cpc-series': async () => (await import('@selfsup/cpc')).seriesDefinition,
  'metric-learning': async () => (await import('@selfsup/metric-learning')).definition,
  rotation: async () => (await import('@selfsup/pretext')).rotationDefinition,
  'relative-patch': async () => (await import('@selfsup/pretext')).relativePatchDefinition,
  jigsaw: async () => (await import('@selfsup/pretext')).jigsawDefinition,
  autoencoder: async () => (await import('@selfsup/generative')).autoencoderDefinition,
  denoising: async () => (await import('@selfsup/generative')).denoisingDefinition,
  'context-encoder': async () => (await import('@selfsup/generative')).contextEncoderDefinition,
  'split-brain': async () => (await import('@selfsup/generative')).splitBrainDefinition,
  mae: async () => (await import('@selfsup/generative')).maskedAutoencoderDefinition,
  vae: async () => (await import('@selfsup/generative')).vaeDefinition,
  gan: async () => (await import('@selfsup/generative')).ganDefinition,
  bigan: async () => (await import('@selfsup/generative')).biganDefinition,
  distillation: async () => (await import('@selfsup/distillation')).definition,
  diet: async () => (await import('@selfsup/diet')).definition,
}

/** Names of all methods. */
export function methodNames(): string[] {
  return Object.keys(methodPackages)
}

/** Whether the registry has a method of this name. */
export function isMethod(name: string): boolean {
  return Object.hasOwn(methodPackages, name)
}

/**
 * Finds a method by name.
 * @throws SelfsupError with the nearest name if the name is unknown
 */
export async function findMethod(name: string): Promise<MethodDefinition> {
  const load = isMethod(name) ? methodPackages[name] : undefined
  if (!load) throw new SelfsupError(unknownName('method', name, methodNames()), { code: 'unknown-name' })
  return load()
}
