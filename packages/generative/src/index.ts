export { discriminatorAccuracy, discriminatorLoss, generatorLoss, sampleSpread } from './adversarial.js'
export {
  type Autoencoder,
  autoencoder,
  definition as autoencoderDefinition,
  denoising,
  denoisingDefinition,
  type Reconstruction,
} from './autoencoder.js'
export type { AutoencoderOptions, DenoisingOptions } from './autoencoder-options.js'
export { bigan, biganDefinition } from './bigan.js'
export type { BiganOptions } from './bigan-options.js'
export {
  type Context,
  type ContextEncoder,
  contextEncoder,
  definition as contextEncoderDefinition,
} from './context-encoder.js'
export type { ContextEncoderOptions } from './context-encoder-options.js'
export { type Corruption, corrupt, corruptions } from './corruption.js'
export { type DecoderOptions, decoder } from './decoder.js'
export { bernoulliCost, gaussianCost, gaussianDivergence } from './elbo.js'
export { type Gan, gan, ganDefinition } from './gan.js'
export type { GanOptions } from './gan-options.js'
export { centreHole, holeError, meanColour, randomHoles } from './holes.js'
export { labToRgb, rgbToLab } from './lab.js'
export { type LatentDistribution, spherical } from './latents.js'
export type { Channels } from './lightness-colour.js'
export {
  definition as maskedAutoencoderDefinition,
  type MaskedImages,
  maskedAutoencoder,
} from './masked-autoencoder.js'
export type { MaskedAutoencoderOptions } from './masked-autoencoder-options.js'
export { type Masking, maskPatches, normalisePatches, patchify, unpatchify } from './patches.js'
export { sideBySide, toPixels } from './pixels.js'
export { colourBins, lightnessBins, type Quantised } from './quantised-colours.js'
export { r1Penalty, steepestDirections } from './r1.js'
export {
  definition as splitBrainDefinition,
  type SplitBrain,
  splitBrain,
} from './split-brain.js'
export type { LabChannels } from './split-brain-halves.js'
export type { SplitBrainOptions } from './split-brain-options.js'
export { type ElboTerms, type Vae, vae, vaeDefinition } from './vae.js'
export type { VaeOptions } from './vae-options.js'
