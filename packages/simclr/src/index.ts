export type { SimclrOptions } from './options.js'
export { definition, simclr } from './simclr.js'
