export { type DietViews, definition, diet } from './diet.js'
export { type InstanceOptions, instanceClassification } from './instance-classification.js'
export type { DietOptions } from './options.js'
