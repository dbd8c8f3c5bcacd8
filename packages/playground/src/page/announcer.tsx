import { useEffect, useRef, useState } from 'preact/hooks'
import type { PageState } from './state.js'

/** What a screen reader says after the page changed, if what changed is not where the focus is. */
export function announcement(before: PageState, now: PageState): string | undefined {
  const { images, run, progress, found, clusters, duplicates } = now
  const plural = (count: number, one: string, many: string) =>
    count === 1 ? one : `${count.toLocaleString('en')} ${many}`
  if (images && images !== before.images) {
    const problems = plural(images.warnings.length, 'one warning', 'warnings')
    return `${images.count.toLocaleString('en')} images of ${images.name}, ${images.warnings.length > 0 ? problems : 'no problems found'}.`
  }
  if (run.state !== before.run.state) {
    const at = `step ${run.step.toLocaleString('en')} of ${run.totalSteps.toLocaleString('en')}`
    if (run.state === 'training') return `Learning, ${at}.`
    if (run.state === 'paused') return `Paused at ${at}.`
    if (run.state === 'finished') return `Learning has finished, ${at}.`
  }
  if (found && found !== before.found) {
    const of = typeof found.of === 'number' ? images?.paths[found.of] : found.of
    return `${plural(found.images.length, 'The image', 'images')} most similar to ${of}.`
  }
  if (clusters && clusters !== before.clusters) return `${plural(clusters.length, 'One group', 'groups')}.`
  if (duplicates && duplicates !== before.duplicates)
    return duplicates.length === 0
      ? 'No near-duplicates.'
      : `${plural(duplicates.length, 'One group', 'groups')} of near-duplicates.`
  if (progress && progress.what !== before.progress?.what) return `${progress.what} …`
  return undefined
}

/** Says what changed. It is there from the start, because new live regions are not read. */
export function Announcer({ state }: { readonly state: PageState }) {
  const before = useRef(state)
  const [text, say] = useState('')
  useEffect(() => {
    const now = announcement(before.current, state)
    before.current = state
    if (now !== undefined) say(now)
  }, [state])
  return (
    <p id="announcer" class="unseen" role="status">
      {text}
    </p>
  )
}
