import { advise, measure } from '@selfsup/advise'
import type { ImageDataset } from '@selfsup/core'
import { readFrom, recordDataset } from '@selfsup/data'
import { readStored, runStorage, sha256, writeStoredJson } from '@selfsup/run-folder'
import type { ImagesInfo } from '../messages.js'
import { methods } from '../methods.js'
import type { Decoded } from './decode.js'
import { drawPatterns, patternNames } from './patterns.js'

/** The images of the playground, as training sees them and as the page shows them. */
export interface Library {
  readonly info: ImagesInfo
  readonly pixels: Uint8Array
  readonly dataset: ImageDataset
}

const FOLDER = 'playground-images'
const PATHS = { info: `${FOLDER}/info.json`, pixels: `${FOLDER}/pixels.bin` }

/** Images that are drawn between reports of progress. */
const AT_ONCE = 100
/** Images that are measured for recommendations. */
const MEASURED = 300

/** Draws patterns whose kinds are known. */
export function drawnLibrary(count: number, onProgress: (done: number, total: number) => void): Library {
  const size = 64
  const bytes = size * size * 3
  const pixels = new Uint8Array(count * bytes)
  const labels: number[] = []
  for (let start = 0; start < count; start += AT_ONCE) {
    const end = Math.min(count, start + AT_ONCE)
    labels.push(...drawPatterns(pixels.subarray(start * bytes, end * bytes), size, start))
    onProgress(end, count)
  }
  return made({
    name: 'drawn patterns',
    pixels,
    size,
    paths: Array.from({ length: count }, (_, i) => `pattern ${i + 1}`),
    sizes: Array.from({ length: count }, () => [size, size] as const),
    skipped: [],
    labels,
    kinds: patternNames,
  })
}

/** The user's images. Folders within the chosen one are kinds if there are several of them. */
export function ownLibrary(name: string, decoded: Decoded, notes: readonly string[]): Library {
  const folders = decoded.paths.map((path) => path.split('/').slice(0, -1).join('/'))
  const kinds = [...new Set(folders)].sort()
  const several = kinds.length > 1 && kinds.length <= 50 && decoded.paths.length >= 4 * kinds.length
  return made({
    name,
    ...decoded,
    notes,
    ...(several && {
      labels: folders.map((folder) => kinds.indexOf(folder)),
      kinds: kinds.map((kind) => kind.split('/').at(-1) || 'top folder'),
    }),
  })
}

type Parts = Pick<ImagesInfo, 'name' | 'size' | 'paths' | 'labels' | 'kinds' | 'skipped'> & {
  readonly pixels: Uint8Array
  readonly sizes: readonly (readonly [number, number])[]
  /** sentences about the choice of images */
  readonly notes?: readonly string[]
}

function made({ pixels, sizes, notes = [], ...info }: Parts): Library {
  const count = info.paths.length
  const { warnings, verdicts } = recommendations(info, pixels, sizes)
  const all = { ...info, count, warnings: [...notes, ...warnings], verdicts }
  return { info: all, pixels, dataset: datasetOf(all, pixels) }
}

function recommendations(
  { name, size, paths, skipped, kinds }: Omit<Parts, 'pixels' | 'sizes'>,
  pixels: Uint8Array,
  sizes: Parts['sizes'],
): Pick<ImagesInfo, 'warnings' | 'verdicts'> {
  const count = paths.length
  const bytes = size * size * 3
  const looked = Math.min(MEASURED, count)
  const indices = Int32Array.from({ length: looked }, (_, i) => Math.floor((i * count) / looked))
  const data = new Uint8Array(looked * bytes)
  for (const [to, from] of indices.entries())
    data.set(pixels.subarray(from * bytes, (from + 1) * bytes), to * bytes)
  const measures = measure({
    name,
    count,
    looked: looked + skipped.length,
    images: { data, shape: [looked, size, size, 3] },
    indices,
    sizes: [...indices].map((index) => sizes[index]!),
    unreadable: skipped,
    classes: kinds,
    pathOf: (index) => paths[index]!,
  })
  const { warnings, methods: verdicts } = advise(measures, {
    methods: Object.keys(methods),
    commandLine: false,
  })
  return {
    warnings,
    verdicts: Object.fromEntries(verdicts.map(({ name, verdict, why }) => [name, { verdict, why }])),
  }
}

function datasetOf(
  { name, count, size, labels, kinds, paths }: ImagesInfo,
  pixels: Uint8Array,
): ImageDataset {
  const fingerprint = sha256().update(`${count} ${size} `).update(pixels).hex()
  return recordDataset({
    name,
    count,
    height: size,
    width: size,
    channels: 3,
    fingerprint,
    ...(labels && { labels: Int32Array.from(labels), classes: kinds }),
    pathOf: (index) => paths[index]!,
    read: readFrom(pixels, size * size * 3),
  })
}

/** Keeps the images in the browser, so that a reloaded page continues with them. */
export async function saveLibrary({ info, pixels }: Library): Promise<void> {
  await runStorage.write(PATHS.pixels, [pixels])
  await writeStoredJson(runStorage, PATHS.info, info)
}

/** The images that were kept; undefined if there are none. */
export async function loadLibrary(): Promise<Library | undefined> {
  if (!(await runStorage.has(PATHS.info))) return undefined
  const pixels = await readStored(runStorage, PATHS.pixels)
  const info: ImagesInfo = JSON.parse(new TextDecoder().decode(await readStored(runStorage, PATHS.info)))
  if (pixels.length !== info.count * info.size ** 2 * 3) return undefined
  return { info, pixels, dataset: datasetOf(info, pixels) }
}

/** Forgets the images. */
export async function removeLibrary(): Promise<void> {
  await runStorage.remove(FOLDER)
}
