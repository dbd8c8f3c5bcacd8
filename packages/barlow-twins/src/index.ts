export { barlowTwins, definition } from './barlow-twins.js'
export type { BarlowTwinsOptions } from './barlow-twins-options.js'
export { vicreg, vicregDefinition } from './vicreg.js'
export type { VicregOptions } from './vicreg-options.js'
