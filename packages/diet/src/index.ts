export { definition, diet } from './diet.js'
export type { DietOptions } from './options.js'
