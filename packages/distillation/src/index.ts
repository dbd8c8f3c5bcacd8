export { definition, distillation } from './distillation.js'
export type { DistillationOptions } from './options.js'
