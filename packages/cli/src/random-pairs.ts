import type { ImageIndex, RandomPairs } from '@selfsup/retrieval'
import type { ProgressView } from './progress.js'

/**
 * Measures the similarities of random pairs, which say what a similarity of this index means, and warns if the features
 * hardly tell images apart.
 */
export async function describeRandomPairs(
  index: ImageIndex,
  view: Pick<ProgressView, 'note'>,
): Promise<RandomPairs | undefined> {
  const { areIndistinct, randomPairs } = await import('@selfsup/retrieval')
  const pairs = await randomPairs(index)
  if (!pairs) return undefined
  view.note(
    `Random pairs of the indexed images: median similarity ${pairs.median.toFixed(4)}, 99 % are below ${pairs.p99.toFixed(4)}`,
  )
  if (areIndistinct(pairs))
    view.note(
      'Warning: these features hardly tell images apart: any two images are about as similar as the results. The run is barely trained or has collapsed, or the images are nearly all alike. Check its loss and spread with selfsup report, and train longer',
    )
  return pairs
}
