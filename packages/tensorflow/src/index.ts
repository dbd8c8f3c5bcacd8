export { TensorflowBackend } from './backend.js'
export { cacheFolder } from './cache.js'
export { type CompiledStep, type CompileOptions, compileStep } from './captured-step.js'
export { checkDevice } from './device-check.js'
export { findTensorflow, type TensorflowInstallation } from './find.js'
export { type InstallOptions, installTensorflow } from './install.js'
export {
  type Installation,
  listInstallations,
  removeInstallations,
  type VerifiedInstallation,
  verifyInstallations,
} from './installations.js'
export { BACKEND_NAME, type LoadedTensorflow, type LoadOptions, loadTensorflow } from './load.js'
export { hasNvidiaDriver, TENSORFLOW_VERSION } from './platform.js'
export type { InstallProgress } from './progress.js'
export type { WorkerAddresses } from './server-def.js'
export {
  detectEnvironment,
  type MixedPrecision,
  type TensorflowEnvironment,
  type TensorflowOptions,
  type TensorflowSettings,
  tensorflowSettings,
  type Xla,
} from './settings.js'
export { WorkerGroup } from './worker-group.js'
