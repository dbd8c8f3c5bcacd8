export { type ByolOptions, byol, definition } from './byol.js'
export { type SimsiamOptions, simsiam, simsiamDefinition } from './simsiam.js'
