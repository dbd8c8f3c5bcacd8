import { expected } from '@selfsup/core'
import {
  checkpointPath,
  checkpointPaths,
  checkpointStep,
  runPaths,
  runStorage,
  writeStoredJson,
} from '@selfsup/run-folder'
import { type MovingPosition, readCheckpoint, restore } from './checkpoint.js'
import type { LoopParts } from './loop-parts.js'

/** Watches a score of the features at each checkpoint, and ends a run that no longer improves it. */
export interface EarlyStopping {
  /**
   * Computes the score of the current weights and updates the position. Call it before a checkpoint is written. Only every
   * `checkpointEvery` steps and at the end: checkpoints of interruptions and slow steps don't change when a run stops.
   */
  measure(): Promise<void>
  /** whether the score of the current weights was measured, and has not improved for `patience` checkpoints */
  readonly due: boolean
  /**
   * Returns to the weights of the best score, removes later checkpoints, and marks the run as finished.
   * @returns the best step
   */
  keepBest(): Promise<number>
}

/**
 * Early stopping for runs whose settings have a `patience`; undefined for others.
 * @param position current position, which the loop updates; holds the best score and its step
 * @throws SelfsupError if the run has a patience but the caller computes no score
 */
export function earlyStoppingOf(parts: LoopParts, position: MovingPosition): EarlyStopping | undefined {
  const { options, settings, log, variables, stepsPerEpoch, totalSteps } = parts
  const { patience, checkpointEvery } = settings
  const { out, score, onWarning = () => {} } = options
  if (patience === undefined) return undefined
  expected(score, 'train: `patience` needs a `score` of the features, by which to stop')
  let measured = position.bestStep === undefined ? -1 : position.step
  return {
    async measure() {
      const { step } = position
      if (step === measured || (step % checkpointEvery !== 0 && step < totalSteps)) return
      measured = step
      const value = await score()
      log.add({ step, epoch: Math.floor(Math.max(0, step - 1) / stepsPerEpoch), score: value })
      // Written so that a score that is not a number never counts as the best.
      if (!(value > (position.bestScore ?? Number.NEGATIVE_INFINITY))) return
      position.bestScore = value
      position.bestStep = step
    },
    get due() {
      const { step, bestStep = step } = position
      return step === measured && step - bestStep >= patience * checkpointEvery
    },
    async keepBest() {
      const { step, bestStep = step, bestScore } = position
      if (bestStep < step) {
        const path = checkpointPath(out, bestStep)
        restore(path, await readCheckpoint(path), variables)
        const better = `${bestScore?.toPrecision(4)} after step ${bestStep}`
        onWarning(
          bestStep === 0
            ? `training has not improved the score of the features, ${better}; the weights of the start are kept`
            : `the score of the features was highest, ${better}, and fell with further training; the weights of that step are kept`,
        )
        await writeStoredJson(runStorage, runPaths(out).stopped, { step, bestStep, bestScore })
        for (const later of await checkpointPaths(out))
          if (checkpointStep(later)! > bestStep) await runStorage.remove(later)
      }
      return bestStep
    },
  }
}
