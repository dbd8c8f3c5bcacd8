import { SelfsupError } from '@selfsup/core'
import { describeWriteError, restoreRun, runPaths, runStorage } from '@selfsup/run-folder'
import type * as tf from '@tensorflow/tfjs-core'
import { NonFiniteError, type Position, saveCheckpoint, snapshotOf } from './checkpoint.js'
import type { LoopParts } from './loop-parts.js'

const defaultSaveWithin = 15 * 60_000
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
  /**
   * Starts to write a checkpoint of the present weights, while training continues. Waits for the one before; errors and warnings are
   * as `save` gives them, in the next call of any of these functions.
   * @returns whether it started one
   */
  start(): Promise<boolean>
  /** Waits for the checkpoint that is being written. @throws SelfsupError as `save` does */
  settle(): Promise<void>
  /** Path of the last checkpoint. @throws SelfsupError if the last state of the run could not be saved */
  end(): string
  /** Creates the error for a loss that is not finite, once the checkpoint that is being written is on the disk. */
  diverged(what: string, step: number, learningRate: number): Promise<SelfsupError>
}

/** @param position current position, which the loop updates; read at each call */
export function savingOf(parts: LoopParts, position: Position): Saving {
  const { options, settings, schedule } = parts
  const { out, onWarning = () => {}, saveWithin = defaultSaveWithin } = options
  let path = parts.checkpoint
  // The last step of which a checkpoint was started, and the last of which one was written.
  let savedStep = path ? position.step : -1
  let writtenStep = savedStep
  let writing: Promise<boolean> | undefined
  let savedAt = Date.now()
  let failure: { step: number; message: string } | undefined

  return {
    path: () => path,
    due() {
      const { step } = position
      if (failure) return step - failure.step >= Math.min(retrySteps, settings.checkpointEvery)
      return step % settings.checkpointEvery === 0 || Date.now() - savedAt > saveWithin
    },
    async save() {
      await settle()
      const { step } = position
      if (step === savedStep) return false
      return write(parts.variables, { ...position })
    },
    async start() {
      await settle()
      const { step } = position
      if (step === savedStep) return false
      // Known at once, so that the next steps do not start another one.
      savedStep = step
      savedAt = Date.now()
      const snapshot = snapshotOf(parts.variables)
      writing = write(snapshot.values, { ...position }).finally(() => snapshot.dispose())
      writing.catch(() => {}) // `settle` throws it
      return true
    },
    settle,
    end() {
      if (!failure) return path!
      throw new SelfsupError(
        `${out}: training reached step ${position.step}, but its last checkpoint can't be written: ${failure.message}. The newest checkpoint is of step ${writtenStep}`,
        { code: 'write-failed', fix: 'free some disk space and resume the run', path: out },
      )
    },
    async diverged(what, step, learningRate) {
      await settle().catch(() => {}) // the loss is the better explanation
      return diverged(what, step, learningRate)
    },
  }

  async function settle(): Promise<void> {
    const last = writing
    writing = undefined
    await last
  }

  async function write(values: ReadonlyMap<string, tf.Tensor>, at: Position): Promise<boolean> {
    const { step } = at
    try {
      await restoreFolder()
      path = await saveCheckpoint(
        out,
        values,
        { position: at, run: parts.run },
        {
          last: settings.keepLast,
          best: parts.method.comparableLoss ?? true,
          step: at.bestStep,
        },
        onWarning,
      )
      writtenStep = step
      savedStep = step
      savedAt = Date.now()
      failure = undefined
      return true
    } catch (error) {
      if (error instanceof NonFiniteError) throw diverged(error.message, step - 1, schedule(step - 1))
      failure = { step, message: describeWriteError(error) }
      savedStep = writtenStep
      if (path === undefined)
        throw new SelfsupError(`${out}: the first checkpoint can't be written: ${failure.message}`, {
          code: 'write-failed',
          path: out,
        })
      onWarning(
        `the checkpoint of step ${step} can't be written: ${failure.message}; training continues and tries again; the newest checkpoint is of step ${writtenStep}`,
      )
      return false
    }
  }

  /** A deleted folder is created again by the writing of a checkpoint, but without its configuration it would not be a run. */
  async function restoreFolder(): Promise<void> {
    if (await restoreRun(out, parts.run, parts.topology))
      onWarning(
        `${out}/config.json was deleted while the run trains; it is written again, but earlier metrics and checkpoints may be missing`,
      )
  }

  function diverged(what: string, step: number, learningRate: number): SelfsupError {
    return divergence(parts, { path, savedStep: writtenStep }, what, step, learningRate)
  }
}

/** Saves nothing: another worker does. */
export function savedElsewhere(parts: LoopParts, position: Position): Saving {
  const path = runPaths(parts.options.out).checkpoints
  return {
    path: () => path,
    due: () => false,
    save: async () => false,
    start: async () => false,
    settle: async () => {},
    end: () => path,
    diverged: async (what, step, learningRate) =>
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
