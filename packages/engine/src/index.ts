export { type Engine, type EngineName, prepareEngine } from './prepare-engine.js'
