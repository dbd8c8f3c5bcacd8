import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

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

/** The paths of a run. */
export function runPaths(run: string): RunPaths {
  return {
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
  }
}

/** Path of the checkpoint after a number of steps. */
export function checkpointPath(run: string, step: number): string {
  return join(runPaths(run).checkpoints, `step-${String(step).padStart(8, '0')}.safetensors`)
}

/** The step of a checkpoint, from its file name; undefined for any other file. */
export function checkpointStep(path: string): number | undefined {
  const [, step] = /^step-(\d+)\.safetensors$/.exec(basename(path)) ?? []
  return step === undefined ? undefined : Number(step)
}

/**
 * Paths of a run's checkpoints, newest first; empty if there are none.
 * @throws what the file system threw if the folder exists and cannot be read
 */
export async function checkpointPaths(run: string): Promise<string[]> {
  const { checkpoints } = runPaths(run)
  const names = await readdir(checkpoints).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .flatMap((name) => {
      const step = checkpointStep(name)
      return step === undefined ? [] : [{ path: join(checkpoints, name), step }]
    })
    .sort((a, b) => b.step - a.step)
    .map(({ path }) => path)
}
