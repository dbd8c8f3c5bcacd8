export { type DistillationViews, definition, distillation } from './distillation.js'
export { interpolate, localDistillation } from './local-distillation.js'
export type { DistillationOptions } from './options.js'
export { type SimilarityOptions, similarityDistillation } from './similarity-distillation.js'
