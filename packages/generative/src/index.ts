export { discriminatorAccuracy, discriminatorLoss, generatorLoss, sampleSpread } from './adversarial.js'
export {
  type Autoencoder,
  type AutoencoderOptions,
  autoencoder,
  type DenoisingOptions,
  definition as autoencoderDefinition,
  denoising,
  denoisingDefinition,
  type Reconstruction,
} from './autoencoder.js'
export { type BiganOptions, bigan, biganDefinition } from './bigan.js'
export {
  type Context,
  type ContextEncoder,
  type ContextEncoderOptions,
  contextEncoder,
  definition as contextEncoderDefinition,
} from './context-encoder.js'
export { type Corruption, corrupt, corruptions } from './corruption.js'
export { type DecoderOptions, decoder } from './decoder.js'
export { bernoulliCost, gaussianCost, gaussianDivergence } from './elbo.js'
export { type Gan, type GanOptions, gan, ganDefinition } from './gan.js'
export { centreHole, holeError, meanColour, randomHoles } from './holes.js'
export { labToRgb, rgbToLab } from './lab.js'
export { type LatentDistribution, spherical } from './latents.js'
export {
  definition as maskedAutoencoderDefinition,
  type MaskedAutoencoderOptions,
  type MaskedPictures,
  maskedAutoencoder,
} from './masked-autoencoder.js'
export { type Masking, maskPatches, normalisePatches, patchify, unpatchify } from './patches.js'
export { sideBySide, toPixels } from './pixels.js'
export { colourBins, lightnessBins, type Quantised } from './quantised-colours.js'
export { r1Penalty, steepest } from './r1.js'
export {
  type Channels,
  definition as splitBrainDefinition,
  type SplitBrain,
  type SplitBrainOptions,
  splitBrain,
} from './split-brain.js'
export { type ElboTerms, type Vae, type VaeOptions, vae, vaeDefinition } from './vae.js'
