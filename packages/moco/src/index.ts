export { definition, type MocoViews, moco } from './moco.js'
export type { MocoOptions } from './options.js'
export { type KeyQueue, keyQueue } from './queue.js'
export { inRandomOrder } from './shuffle.js'
