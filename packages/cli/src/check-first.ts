import { type ImageDataset, SelfsupError } from '@selfsup/core'
import type { ProgressView } from './progress.js'

/** Number of warnings to print; `selfsup advise` prints all. */
const MOST_WARNINGS = 3

/**
 * Looks at a sample of the images before time is spent on them, and prints the most severe problems.
 * @param options.force only warns of images from which nothing can be learned
 * @returns median of the shorter sides in pixels, if the images are files
 * @throws SelfsupError if nothing can be learned from the images
 */
export async function checkFirst(
  dataset: ImageDataset,
  view: ProgressView,
  { source, force }: { readonly source: string; readonly force: boolean },
): Promise<number | undefined> {
  if (source === 'shapes' || source.startsWith('canvas:')) return undefined
  view.phase('Checking a sample of the images')
  const { checkImages } = await import('@selfsup/advise')
  const { measures, unsuitable, warnings } = await checkImages(dataset)
  if (unsuitable && !force)
    throw new SelfsupError(`${source}: ${unsuitable}. Nothing can be learned from such images`, {
      fix: 'look at them with: selfsup advise, correct them, or pass --force to train anyway',
    })
  const all = unsuitable ? [`${unsuitable}.`, ...warnings] : warnings
  for (const warning of all.slice(0, MOST_WARNINGS)) view.note(`Warning: ${warning}`)
  if (all.length > MOST_WARNINGS)
    view.note(`${all.length - MOST_WARNINGS} more warnings about the images: selfsup advise prints them`)
  return measures.sizes?.median
}
