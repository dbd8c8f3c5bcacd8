import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Where everything is in the folder of a run. */
export interface RunPaths {
  /** what the run is made of: see `RunConfig` */
  readonly config: string
  /** layers of a backbone that has no recipe of @selfsup/backbones */
  readonly topology: string
  /** one line of JSON for each measurement: see `MetricsLine` */
  readonly metrics: string
  /** there while a process trains in the folder */
  readonly lock: string
  /** `step-00001200.safetensors` */
  readonly checkpoints: string
  /** the exported model: model.json and weights.bin */
  readonly backbone: string
  /** one record for each protocol: see `EvaluationRecord` */
  readonly evaluation: string
  /** features that protocols extracted; may be deleted at any time */
  readonly features: string
  /** contact sheets: views, reconstructions */
  readonly sheets: string
  /** indexes of images for search */
  readonly index: string
}

/** The paths of a run. */
export function runPaths(run: string): RunPaths {
  return {
    config: join(run, 'config.json'),
    topology: join(run, 'topology.json'),
    metrics: join(run, 'metrics.jsonl'),
    lock: join(run, 'lock.json'),
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

/** The number of steps done at a checkpoint, from its name; undefined for any other file. */
export function checkpointStep(path: string): number | undefined {
  const [, step] = /^step-(\d+)\.safetensors$/.exec(basename(path)) ?? []
  return step === undefined ? undefined : Number(step)
}

/**
 * Paths of a run's checkpoints, newest first; empty where there are none.
 * @throws what the file system threw when the folder is there and cannot be read
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
