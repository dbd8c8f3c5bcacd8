import type { ImageDataset } from '@selfsup/core'
import type { EvaluationRecord } from '@selfsup/run-folder'
import { embeddingMap, type LabelledFeatures } from './map.js'
import type { EmbeddingMap, RunDetails, RunView } from './page-data.js'
import { sheetsOf } from './sheets.js'
import { thumbnails } from './thumbnails.js'

type Split = 'train' | 'test'

/** Data for a run's images and map. */
export interface DetailSources {
  /** features of the test images */
  readonly features?: LabelledFeatures
  readonly datasets: Readonly<Partial<Record<Split, ImageDataset>>>
  /** reasons for missing data */
  readonly notes?: readonly string[]
}

export interface DetailOptions {
  /** maximum number of points of the map; default 1500 */
  readonly points?: number
  /** existing map of the same features; computed if absent */
  readonly map?: EmbeddingMap
  readonly signal?: AbortSignal
}

/** Creates a run's map, thumbnails and sheets. Parts that can't be created are left out, with a note. */
export async function detailsOf(
  view: RunView,
  sources: DetailSources,
  { points, map: known, signal }: DetailOptions = {},
): Promise<RunDetails> {
  const { features, datasets } = sources
  const { sheets, notes: unread } = await sheetsOf(view.folder)
  const notes = [...(sources.notes ?? []), ...unread]
  const orNote = async <T>(what: string, made: Promise<T> | undefined): Promise<T | undefined> => {
    try {
      return await made
    } catch (error) {
      signal?.throwIfAborted()
      notes.push(`${what}: ${(error as Error).message}`)
      return undefined
    }
  }
  const map =
    known ?? (await orNote('the map is missing', features && embeddingMap(features, { points, signal })))
  const shown = shownPositions(view.evaluations, map, {
    train: datasets.train?.fingerprint,
    test: datasets.test?.fingerprint,
  })
  const atlasOf = (split: Split) => {
    const dataset = datasets[split]
    return orNote(
      `thumbnails of the ${split} images are missing`,
      dataset && shown[split].size > 0 ? thumbnails(dataset, shown[split], signal) : undefined,
    )
  }
  return { map, thumbnails: { train: await atlasOf('train'), test: await atlasOf('test') }, sheets, notes }
}

/**
 * Positions of all images of a run that a page shows.
 * @param only fingerprints of the datasets that are shown: positions in other datasets are left out
 */
export function shownPositions(
  evaluations: readonly EvaluationRecord[],
  map?: Pick<EmbeddingMap, 'positions'>,
  only: Partial<Record<Split, string>> = {},
): Record<Split, Set<number>> {
  const shown = { train: new Set<number>(), test: new Set<number>() }
  for (const { neighbours = [], clusters = [], images } of evaluations) {
    const add = (split: Split, position: number) => {
      if (only[split] === undefined || only[split] === images[split].fingerprint) shown[split].add(position)
    }
    for (const { query, nearest } of neighbours) {
      add('test', query)
      for (const { split, position } of nearest) add(split, position)
    }
    for (const { members } of clusters) for (const member of members) add('test', member)
  }
  for (const position of map?.positions ?? []) shown.test.add(position)
  return shown
}
