import { load, prepared, quick } from './packages.mjs'

const { convnet } = await load('backbones')
const { shapes } = await load('data')
const { simclr } = await load('simclr')

/** Task of both sides of `loop`: this many SimCLR steps with the four-layer ConvNet on synthetic images. */
export const steps = quick ? 24 : 120
export const batchSize = 256
/** @type {import('@selfsup/core').OptimizerSettings} */
export const optimizer = { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }
export const learningRate = 0.06
export const engine = await prepared()
export const method = simclr(convnet({ size: 32 }))
export const dataset = shapes({ size: 32, count: 2048 })
