export type { CompiledStep, CompileOptions, Engine, EngineMemory, EngineName, Precision } from './engine.js'
export {
  describeEngines,
  type EngineFound,
  type EngineReport,
  findEngines,
  type StepsReport,
} from './find-engines.js'
export { type EngineProgress, type InstalledEngine, installFastestEngine } from './install-fastest-engine.js'
export { availableCores, describeMachine, type Machine } from './machine.js'
export { type EngineOptions, prepareEngine } from './prepare-engine.js'
