import { diskStorage } from './disk-storage.js'
import { pathsIn } from './paths-in.js'

export type { RunPaths } from './paths-in.js'

/** The paths of runs on disk. */
export const { runPaths, checkpointPath, checkpointStep, checkpointPaths } = pathsIn(diskStorage)
