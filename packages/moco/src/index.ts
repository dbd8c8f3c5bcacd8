export { definition, type MocoOptions, moco } from './moco.js'
