import { diskStorage } from './disk-storage.js'
import { type RunsInStorage, runsIn } from './runs-in.js'

export { removeUnfinished, writeAtomically, writeJson } from './atomic-file.js'
export { diskStorage as runStorage } from './disk-storage.js'
export { evaluatedData, testedOnTraining } from './evaluated-data.js'
export type {
  EvaluatedImages,
  EvaluationChart,
  EvaluationRecord,
  EvaluationValue,
} from './evaluation-record.js'
export { openParts, readRecords, recordsOfFiles, writeRecord } from './evaluation-records.js'
export { type ExportedNote, parseExportedNote } from './exported-note.js'
export type { Sha256 } from './hash.js'
export { type MetricsLine, metricsText, parseMetricsLine } from './metrics.js'
export { MetricsFollower, type MetricsListener } from './metrics-follower.js'
export {
  fileInside,
  parseModelFile,
  type WeightGroup,
  type WeightSpec,
  weightBytes,
  weightGroups,
} from './model-files.js'
export { sha256 } from './node-sha256.js'
export { openFile, readIfExists, readLimited, readText } from './open-file.js'
export { openSafetensors } from './open-safetensors.js'
export { type OpenSafetensors, openSafetensorsIn } from './open-safetensors-in.js'
export { checkpointPath, checkpointPaths, checkpointStep, type RunPaths, runPaths } from './paths.js'
export { readFully } from './read-fully.js'
export { parseRecord } from './record-schema.js'
export { FORMAT_VERSION, parseRunConfig, type RunConfig } from './run-config.js'
export { isRunLocked, lockRun, type WaitOptions, waitForLock } from './run-lock.js'
export type { RunLock } from './run-lock-type.js'
export { NoRunError, type Run, type RunsInStorage, runsIn } from './runs-in.js'
export { damagedFile, type SafetensorsEntry } from './safetensors-header.js'
export { type TrainSettings, totalStepsOf } from './settings.js'
export { type RunStorage, readStored, type StoredFile, writeStoredJson } from './storage.js'
export { describeWriteError, explainWriteErrors } from './write-errors.js'

/** The runs on disk: see `RunsInStorage`. */
const runs = runsIn(diskStorage)
// Each states its type: TypeScript would name the types of these functions by a package above this one, which exports them too.
export const cutMetrics: RunsInStorage['cutMetrics'] = runs.cutMetrics
export const extendRun: RunsInStorage['extendRun'] = runs.extendRun
export const makeRunFolder: RunsInStorage['makeRunFolder'] = runs.makeRunFolder
export const openStoredSafetensors: RunsInStorage['openStoredSafetensors'] = runs.openStoredSafetensors
export const readRun: RunsInStorage['readRun'] = runs.readRun
export const restoreRun: RunsInStorage['restoreRun'] = runs.restoreRun
export const startRun: RunsInStorage['startRun'] = runs.startRun
