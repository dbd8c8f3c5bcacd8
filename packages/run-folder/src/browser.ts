// What bundlers take for a browser: the same functions, for runs in a database, and without those for files on disk.
import { databaseStorage } from './browser/database-storage.js'
import { type RunsInStorage, runsIn } from './runs-in.js'

export { databaseStorage } from './browser/database-storage.js'
export { sha256 } from './browser/sha256.js'
export { lockRun } from './browser/web-lock.js'
export type {
  EvaluatedImages,
  EvaluationChart,
  EvaluationRecord,
  EvaluationValue,
} from './evaluation-record.js'
export { type ExportedNote, parseExportedNote } from './exported-note.js'
export type { Sha256 } from './hash.js'
export { type MetricsLine, metricsText, parseMetricsLine } from './metrics.js'
export { type OpenSafetensors, openSafetensorsIn } from './open-safetensors-in.js'
export type { RunPaths } from './paths-in.js'
export { FORMAT_VERSION, parseRunConfig, type RunConfig } from './run-config.js'
export type { RunLock } from './run-lock-type.js'
export { NoRunError, type Run, type RunsInStorage, runsIn } from './runs-in.js'
export { damagedFile, type SafetensorsEntry } from './safetensors-header.js'
export { type TrainSettings, totalStepsOf } from './settings.js'
export { type RunStorage, readStored, type StoredFile, writeStoredJson } from './storage.js'
export { describeWriteError, explainWriteErrors } from './write-errors.js'

/** Where runs are kept in this browser. */
export const runStorage = databaseStorage()

/** The runs in this browser: see `RunsInStorage`. */
const runs = runsIn(runStorage)
// Each states its type: TypeScript would name the types of these functions by a package above this one, which exports them too.
export const checkpointPath: RunsInStorage['checkpointPath'] = runs.checkpointPath
export const checkpointPaths: RunsInStorage['checkpointPaths'] = runs.checkpointPaths
export const checkpointStep: RunsInStorage['checkpointStep'] = runs.checkpointStep
export const cutMetrics: RunsInStorage['cutMetrics'] = runs.cutMetrics
export const extendRun: RunsInStorage['extendRun'] = runs.extendRun
export const makeRunFolder: RunsInStorage['makeRunFolder'] = runs.makeRunFolder
export const openStoredSafetensors: RunsInStorage['openStoredSafetensors'] = runs.openStoredSafetensors
export const readRun: RunsInStorage['readRun'] = runs.readRun
export const restoreRun: RunsInStorage['restoreRun'] = runs.restoreRun
export const runPaths: RunsInStorage['runPaths'] = runs.runPaths
export const startRun: RunsInStorage['startRun'] = runs.startRun
