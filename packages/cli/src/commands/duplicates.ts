import type { Settings } from '../config.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { openRunIndex } from '../image-search.js'
import { interruptible } from '../interrupt.js'
import { printableLine } from '../printable.js'
import { progressView } from '../progress.js'

/** Flags of `selfsup duplicates`. */
export interface DuplicateFlags {
  readonly similarity?: number
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup duplicates RUN`: groups of images in the run's index that are nearly the same. */
export async function duplicates(run: string, flags: DuplicateFlags): Promise<number> {
  const { similarity = 0.98, json } = flags
  const view = progressView(process.stderr)
  await startEngine(flags.engine)
  const trained = await openEncoder(run, view)
  const { index } = await openRunIndex(run, trained, false)
  const interrupt = interruptible(() => view.note('Stopping.'))
  try {
    const { nearDuplicates } = await import('@selfsup/retrieval')
    let told = Date.now()
    const groups = await nearDuplicates(index, {
      similarity,
      signal: interrupt.signal,
      onProgress(done, total) {
        if (Date.now() - told < 5000) return
        told = Date.now()
        view.note(`${done} of ${total} images compared with all others`)
      },
    })
    if (json) console.log(JSON.stringify({ run, similarity, groups }))
    else {
      for (const group of groups)
        console.log(
          `${group.paths.length} images, similarity ${group.similarity.toFixed(4)}\n${group.paths.map((path) => `  ${printableLine(path)}`).join('\n')}`,
        )
      view.note(
        `${groups.length === 1 ? '1 group' : `${groups.length} groups`} of near-duplicates among ${await index.count()} images, at a similarity of at least ${similarity}`,
      )
    }
    return 0
  } finally {
    interrupt.release()
    index.close()
    trained.dispose()
  }
}
