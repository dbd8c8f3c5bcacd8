// What bundlers take for a browser: engines without native TensorFlow, and without what needs Node.
export { type BrowserEngineOptions, prepareEngine } from './browser/prepare-engine.js'
export type {
  CompiledStep,
  CompileOptions,
  Engine,
  EngineMemory,
  EngineName,
  MissingEngine,
  Precision,
} from './engine.js'
export type { Workers } from './workers.js'
