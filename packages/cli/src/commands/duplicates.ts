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

/** `selfsup duplicates RUN`: finds groups of near-duplicates in the run's index. */
export async function duplicates(run: string, flags: DuplicateFlags): Promise<number> {
  const { similarity = 0.98, json } = flags
  const view = progressView(process.stderr)
  await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  const { index } = await openRunIndex(run, encoder, false)
  const interrupt = interruptible(() => view.note('Stopping.'))
  try {
    const { nearDuplicates } = await import('@selfsup/retrieval')
    let lastNote = Date.now()
    const groups = await nearDuplicates(index, {
      similarity,
      signal: interrupt.signal,
      onProgress(done, total) {
        if (Date.now() - lastNote < 5000) return
        lastNote = Date.now()
        view.note(`Compared ${done} of ${total} images with all others`)
      },
    })
    if (json) console.log(JSON.stringify({ run, similarity, groups }))
    else {
      for (const group of groups)
        console.log(
          `${group.paths.length} images, similarity ${group.similarity.toFixed(4)}\n${group.paths.map((path) => `  ${printableLine(path)}`).join('\n')}`,
        )
      view.note(
        `${groups.length === 1 ? '1 group' : `${groups.length} groups`} of near-duplicates among ${await index.count()} images (similarity >= ${similarity})`,
      )
    }
    return 0
  } finally {
    interrupt.release()
    index.close()
    encoder.dispose()
  }
}
