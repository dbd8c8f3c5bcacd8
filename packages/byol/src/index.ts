export { byol, definition } from './byol.js'
export type { ByolOptions } from './byol-options.js'
export { simsiam, simsiamDefinition } from './simsiam.js'
export type { SimsiamOptions } from './simsiam-options.js'
