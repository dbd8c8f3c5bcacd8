export type { Architecture } from './architecture.js'
export {
  describePretrained,
  loadPretrained,
  type PretrainedBackbone,
  type PretrainedDescription,
  type PretrainedFiles,
  type PretrainedOptions,
} from './load-pretrained.js'
export { readWeights } from './read-weights.js'
export type { StoredTensor, WeightFile } from './weight-file.js'
