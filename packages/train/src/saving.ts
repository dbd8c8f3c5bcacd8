import { SelfsupError } from '@selfsup/core'
import { describeWriteError, restoreRun, runPaths, runStorage } from '@selfsup/run-folder'
import { NonFiniteError, type Position, saveCheckpoint } from './checkpoint.js'
import type { LoopParts } from './loop-parts.js'

const longestMs = 15 * 60_000
/** Maximum number of steps before saving is tried again after a failure. */
const retrySteps = 100

/** Saves the checkpoints of a run and handles failures. */
export interface Saving {
  /** Path of the newest checkpoint, if there is one. */
  path(): string | undefined
  /** Whether a checkpoint is due. */
  due(): boolean
  /**
   * Writes a checkpoint unless the position already has one. A failure is reported as a warning, and the run continues.
   * @returns whether it wrote a checkpoint
   * @throws SelfsupError if a value is not finite, or the first checkpoint of a run cannot be written
   */
  save(): Promise<boolean>
  /** Path of the last checkpoint. @throws SelfsupError if the last state of the run could not be saved */
  end(): string
  /** Creates the error for a loss or weight that is not finite. */
  diverged(what: string, step: number, learningRate: number): SelfsupError
}

/** @param position current position, which the loop updates; read at each call */
export function savingOf(parts: LoopParts, position: Position): Saving {
  const { options, settings, schedule } = parts
  const { out, onWarning = () => {} } = options
  let path = parts.checkpoint
  let savedStep = path ? position.step : -1
  let savedAt = Date.now()
  let failure: { step: number; message: string } | undefined

  return {
    path: () => path,
    due() {
      const { step } = position
      if (failure) return step - failure.step >= Math.min(retrySteps, settings.checkpointEvery)
      return step % settings.checkpointEvery === 0 || Date.now() - savedAt > longestMs
    },
    async save() {
      const { step } = position
      if (step === savedStep) return false
      try {
        await restoreFolder()
        path = await saveCheckpoint(
          out,
          parts.variables,
          { position: { ...position }, run: parts.run },
          {
            last: settings.keepLast,
            best: parts.method.comparableLoss ?? true,
            step: position.bestStep,
          },
          onWarning,
        )
        savedStep = step
        savedAt = Date.now()
        failure = undefined
        return true
      } catch (error) {
        if (error instanceof NonFiniteError) throw diverged(error.message, step - 1, schedule(step - 1))
        failure = { step, message: describeWriteError(error) }
        if (path === undefined)
          throw new SelfsupError(`${out}: the first checkpoint can't be written: ${failure.message}`, {
            code: 'write-failed',
            path: out,
          })
        onWarning(
          `the checkpoint of step ${step} can't be written: ${failure.message}; training continues and tries again; the newest checkpoint is of step ${savedStep}`,
        )
        return false
      }
    },
    end() {
      if (!failure) return path!
      throw new SelfsupError(
        `${out}: training reached step ${position.step}, but its last checkpoint can't be written: ${failure.message}. The newest checkpoint is of step ${savedStep}`,
        { code: 'write-failed', fix: 'free some disk space and resume the run', path: out },
      )
    },
    diverged,
  }

  /** A deleted folder is created again by the writing of a checkpoint, but without its configuration it would not be a run. */
  async function restoreFolder(): Promise<void> {
    if (await restoreRun(out, parts.run, parts.topology))
      onWarning(
        `${out}/config.json was deleted while the run trains; it is written again, but earlier metrics and checkpoints may be missing`,
      )
  }

  function diverged(what: string, step: number, learningRate: number): SelfsupError {
    return divergence(parts, { path, savedStep }, what, step, learningRate)
  }
}

/** Saves nothing: another worker does. */
export function savedElsewhere(parts: LoopParts, position: Position): Saving {
  const path = runPaths(parts.options.out).checkpoints
  return {
    path: () => path,
    due: () => false,
    save: async () => false,
    end: () => path,
    diverged: (what, step, learningRate) =>
      divergence(parts, { path, savedStep: position.step }, what, step, learningRate),
  }
}

function divergence(
  { options: { out }, settings, stepsPerEpoch }: LoopParts,
  { path, savedStep }: { path: string | undefined; savedStep: number },
  what: string,
  step: number,
  learningRate: number,
): SelfsupError {
  const epoch = Math.floor(step / stepsPerEpoch) + 1
  const last = path ? runStorage.shown(path) : 'none'
  return new SelfsupError(
    [
      `${what} at step ${step + 1} (epoch ${epoch}); training stopped. Last good checkpoint: ${last} (step ${savedStep}).`,
      'Likely causes:',
      `- the learning rate is too high (${learningRate.toPrecision(3)} at this step, ${settings.learningRate} at most): try a third of it, or a longer warm-up`,
      '- a temperature or another option of the method is too small',
      '- the images have no content (a single colour), or the pixels or labels are not as the method expects them',
    ].join('\n'),
    { code: 'diverged', path: out },
  )
}
