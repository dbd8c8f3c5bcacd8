export { definition, type MocoOptions, moco } from './moco.js'
export type { MocoViews } from './parts.js'
export { type KeyQueue, keyQueue } from './queue.js'
export { inRandomOrder } from './shuffle.js'
