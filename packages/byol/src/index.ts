export { type ByolOptions, byol, definition } from './byol.js'
