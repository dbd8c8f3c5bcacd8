export type {
  CompiledStep,
  CompileOptions,
  Engine,
  EngineMemory,
  EngineName,
  MissingEngine,
  Precision,
} from './engine.js'
export type { EngineOptions } from './engine-options.js'
export {
  describeEngines,
  type EngineAvailability,
  type EngineReport,
  fastestEngine,
  findEngines,
  type StepsReport,
} from './find-engines.js'
export { type EngineProgress, type InstalledEngine, installFastestEngine } from './install-fastest-engine.js'
export { availableCores, describeMachine, type Machine } from './machine.js'
export { prepareEngine } from './prepare-engine.js'
export type { AdapterReport } from './webgpu/device.js'
export { publicAddresses, type WorkerOptions, type Workers } from './workers.js'
