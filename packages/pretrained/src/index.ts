export type { Architecture } from './architecture.js'
export type { PretrainedBackbone, PretrainedOptions } from './backbone-of-file.js'
export { findPretrained, isPretrained } from './find-pretrained.js'
export type { HubOptions } from './hub.js'
export { adaptInputKernel } from './input-channels.js'
export { type KnownModel, knownModels } from './known-models.js'
export {
  describePretrained,
  loadPretrained,
  type PretrainedDescription,
  type PretrainedFiles,
} from './load-pretrained.js'
export { readWeights } from './read-weights.js'
export type { StoredTensor, WeightFile } from './weight-file.js'
