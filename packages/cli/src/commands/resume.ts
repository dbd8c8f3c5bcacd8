import { SelfsupError } from '@selfsup/core'
import { readRun } from '@selfsup/run-folder'
import { methodOfRun, openImagesOfRun } from '@selfsup/runs'
import type { Settings } from '../config.js'
import { progressView } from '../progress.js'
import { shellWord } from '../table.js'
import { runTraining } from '../training.js'

/** Flags of `selfsup resume`. */
export interface ResumeFlags {
  /** new location of the images */
  readonly images?: string
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup resume RUN`: continues from the newest checkpoint, whether the command line or a program started the run. */
export async function resume(out: string, { images, engine, json = false }: ResumeFlags): Promise<number> {
  const run = await readRun(out)
  const view = progressView(process.stderr, { json })
  if (run.finished) {
    view.note(
      `${out} is finished: ${run.totalSteps} steps. Evaluate it with: selfsup evaluate ${shellWord(out)} TRAIN TEST`,
    )
    view.result({ run: out, step: run.step, totalSteps: run.totalSteps, interrupted: false })
    return 0
  }
  const { make } = await methodOfRun(run)
  if (!run.backbone)
    throw new SelfsupError(
      `${out} was made by a TypeScript program with an older version, which did not save its backbone's architecture; resume it in that program: train(method, dataset, { ...settings, out, resume: true })`,
    )
  const { name, length, source } = run.dataset
  if (!images && !source)
    throw new SelfsupError(
      `${out} was trained on '${name}' (${length} images) but has no path to them; run: selfsup resume ${shellWord(out)} --images IMAGES`,
    )
  view.phase('Looking for the images of the run')
  const dataset = await openImagesOfRun(run, { images, onNote: view.note }).finally(view.end)
  try {
    return await runTraining({
      make,
      train: run.settings,
      out,
      dataset,
      view,
      engine,
      resume: { config: run.config },
    })
  } finally {
    await dataset.close()
  }
}
