export { type BarlowTwinsOptions, barlowTwins, definition } from './barlow-twins.js'
export { type VicregOptions, vicreg, vicregDefinition } from './vicreg.js'
