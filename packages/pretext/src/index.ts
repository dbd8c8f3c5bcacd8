export { definition, type PretextOptions, pretext } from './pretext.js'
