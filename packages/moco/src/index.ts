export { definition, type MocoOptions, type MocoViews, moco } from './moco.js'
export { type KeyQueue, keyQueue } from './queue.js'
export { inRandomOrder } from './shuffle.js'
