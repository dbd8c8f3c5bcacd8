import type { RunStorage } from './storage.js'

/** Paths of everything in a run's folder. */
export interface RunPaths {
  /** configuration: see `RunConfig` */
  readonly config: string
  /** layers of a backbone that @selfsup/backbones did not create */
  readonly topology: string
  /** one line of JSON per measurement: see `MetricsLine` */
  readonly metrics: string
  /** exists while a process trains in the folder */
  readonly lock: string
  /** exists if training ended before the last step, because the features no longer improved */
  readonly stopped: string
  /** folder of `step-00001200.safetensors` files */
  readonly checkpoints: string
  /** the exported model: model.json and weights.bin */
  readonly backbone: string
  /** one record per protocol: see `EvaluationRecord` */
  readonly evaluation: string
  /** cached features; you may delete them at any time */
  readonly features: string
  /** contact sheets: views, reconstructions */
  readonly sheets: string
  /** image indexes for search */
  readonly index: string
}

/** Functions that name the files of runs in a storage. */
export interface PathsOfRuns {
  /** The paths of a run. */
  runPaths(run: string): RunPaths
  /** Path of the checkpoint after a number of steps. */
  checkpointPath(run: string, step: number): string
  /** The step of a checkpoint, from its file name; undefined for any other file. */
  checkpointStep(path: string): number | undefined
  /**
   * Paths of a run's checkpoints, newest first; empty if there are none.
   * @throws what the storage threw if the folder exists and cannot be read
   */
  checkpointPaths(run: string): Promise<string[]>
}

/** Names the files of runs in a storage. */
export function pathsIn({ join, nameOf, list }: Pick<RunStorage, 'join' | 'nameOf' | 'list'>): PathsOfRuns {
  const runPaths = (run: string): RunPaths => ({
    config: join(run, 'config.json'),
    topology: join(run, 'topology.json'),
    metrics: join(run, 'metrics.jsonl'),
    lock: join(run, 'lock.json'),
    stopped: join(run, 'stopped.json'),
    checkpoints: join(run, 'checkpoints'),
    backbone: join(run, 'backbone'),
    evaluation: join(run, 'evaluation'),
    features: join(run, 'features'),
    sheets: join(run, 'pictures'),
    index: join(run, 'index'),
  })
  const checkpointStep = (path: string) => {
    const [, step] = /^step-(\d+)\.safetensors$/.exec(nameOf(path)) ?? []
    return step === undefined ? undefined : Number(step)
  }
  return {
    runPaths,
    checkpointStep,
    checkpointPath: (run, step) =>
      join(runPaths(run).checkpoints, `step-${String(step).padStart(8, '0')}.safetensors`),
    async checkpointPaths(run) {
      const { checkpoints } = runPaths(run)
      return (await list(checkpoints))
        .flatMap((name) => {
          const step = checkpointStep(name)
          return step === undefined ? [] : [{ path: join(checkpoints, name), step }]
        })
        .sort((a, b) => b.step - a.step)
        .map(({ path }) => path)
    },
  }
}
