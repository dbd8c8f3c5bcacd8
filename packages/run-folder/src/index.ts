export {
  describeWriteError,
  explainWriteErrors,
  removeUnfinished,
  writeAtomically,
  writeJson,
} from './atomic-file.js'
export { evaluatedData, testedOnTraining } from './evaluated-data.js'
export type {
  EvaluatedImages,
  EvaluationChart,
  EvaluationRecord,
  EvaluationValue,
} from './evaluation-record.js'
export { openParts, readRecords, recordsOfFiles, writeRecord } from './evaluation-records.js'
export { appendAtomically, cutMetrics, type MetricsLine, metricsText, parseMetricsLine } from './metrics.js'
export { MetricsFollower, type MetricsListener } from './metrics-follower.js'
export { openFile, readIfExists, readLimited, readText } from './open-file.js'
export { type OpenSafetensors, openSafetensors } from './open-safetensors.js'
export { checkpointPath, checkpointPaths, checkpointStep, type RunPaths, runPaths } from './paths.js'
export { readFully } from './read-fully.js'
export { parseRecord } from './record-schema.js'
export { FORMAT_VERSION, parseRunConfig, type RunConfig } from './run-config.js'
export {
  extendRun,
  makeRunFolder,
  NoRunError,
  type Run,
  readRun,
  restoreRun,
  startRun,
} from './run-folder.js'
export { isRunLocked, lockRun, type RunLock, type WaitOptions, waitForLock } from './run-lock.js'
export { damagedFile, type SafetensorsEntry } from './safetensors-header.js'
export { type TrainSettings, totalStepsOf } from './settings.js'
