import { relative } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { whyNotWritten } from '@selfsup/run-folder'
import { NonFiniteError, type Position, saveCheckpoint } from './checkpoint.js'
import type { LoopParts } from './loop-parts.js'

const longestMs = 15 * 60_000
/** After a checkpoint that could not be written, the next try comes after at most so many steps. */
const retrySteps = 100

/** When a run saves, and what it does when it can't. */
export interface Saving {
  /** newest checkpoint, if there is one */
  path(): string | undefined
  /** whether it is time to */
  due(): boolean
  /**
   * Writes a checkpoint unless the position has one; a failure is a warning, and the run goes on.
   * @returns whether it wrote one
   */
  save(): Promise<boolean>
  /** the newest checkpoint's path. @throws SelfsupError when the run's last state could not be saved */
  end(): string
  /** the error that ends a run whose numbers are no longer finite */
  diverged(what: string, step: number, learningRate: number): SelfsupError
}

/** @param position read at each call: the loop moves it on */
export function savingOf(parts: LoopParts, position: Position): Saving {
  const { options, settings, stepsPerEpoch, schedule } = parts
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
        path = await saveCheckpoint(
          out,
          parts.variables,
          { position: { ...position }, run: parts.run },
          { last: settings.keepLast, best: parts.method.comparableLoss ?? true },
          onWarning,
        )
        savedStep = step
        savedAt = Date.now()
        failure = undefined
        return true
      } catch (error) {
        if (error instanceof NonFiniteError) throw diverged(error.message, step - 1, schedule(step - 1))
        failure = { step, message: whyNotWritten(error) }
        if (path === undefined)
          throw new SelfsupError(`${out}: the first checkpoint can't be written: ${failure.message}`, {
            code: 'write-failed',
            path: out,
          })
        onWarning(
          `the checkpoint of step ${step} can't be written: ${failure.message}; training goes on and tries again, the one of step ${savedStep} stands`,
        )
        return false
      }
    },
    end() {
      if (!failure) return path!
      throw new SelfsupError(
        `${out}: training reached step ${position.step}, but its last checkpoint can't be written: ${failure.message}. The one of step ${savedStep} is kept`,
        { code: 'write-failed', fix: 'make room on the disk and resume the run', path: out },
      )
    },
    diverged,
  }

  function diverged(what: string, step: number, learningRate: number): SelfsupError {
    const epoch = Math.floor(step / stepsPerEpoch) + 1
    const last = path ? relative(process.cwd(), path) : 'none'
    return new SelfsupError(
      [
        `${what} at step ${step + 1} (epoch ${epoch}); training stopped. Last good checkpoint: ${last} (step ${savedStep}).`,
        'Likely causes:',
        `- the learning rate is too high (${learningRate.toPrecision(3)} at this step, ${settings.learningRate} at most): try a third of it, or a longer warm-up`,
        '- a temperature or another option of the method is too small',
        '- images without content (one colour), or labels and pixels that are not what the method expects',
      ].join('\n'),
      { code: 'diverged', path: out },
    )
  }
}
