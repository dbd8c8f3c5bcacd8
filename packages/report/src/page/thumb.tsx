import type { EvaluationRecord } from '@selfsup/run-folder'
import type { Atlas, RunDetails } from '../page-data.js'

/** Index of each position's thumbnail in its atlas. */
const cells = new WeakMap<Atlas, Map<number, number>>()

/** Index of a position's thumbnail; undefined if the atlas does not contain it. */
export function cellOf(atlas: Atlas, position: number): number | undefined {
  let places = cells.get(atlas)
  if (!places) {
    places = new Map(atlas.positions.map((at, i) => [at, i]))
    cells.set(atlas, places)
  }
  return places.get(position)
}

/** Thumbnails of a record's images; undefined if the thumbnails are of a different dataset. */
export function atlasOf(
  details: RunDetails | undefined,
  { images }: EvaluationRecord,
  split: 'train' | 'test',
): Atlas | undefined {
  const atlas = details?.thumbnails?.[split]
  return atlas?.fingerprint === images[split].fingerprint ? atlas : undefined
}

const addresses = new WeakMap<Atlas, string>()

/** A short URL of an atlas, since hundreds of elements refer to it. */
function addressOf(atlas: Atlas): string {
  let address = addresses.get(atlas)
  if (!address) {
    const [head = '', body = ''] = atlas.src.split(',')
    const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0))
    address = URL.createObjectURL(
      new Blob([bytes], { type: /^data:([^;]+)/.exec(head)?.[1] ?? 'image/webp' }),
    )
    addresses.set(atlas, address)
  }
  return address
}

/** Class name of a dataset position; undefined if the atlas does not contain it. */
export function classAt(atlas: Atlas | undefined, position: number): string | undefined {
  const cell = atlas && cellOf(atlas, position)
  if (!atlas || cell === undefined) return undefined
  return className(atlas.labels[cell]!, atlas.classes)
}

export function className(label: number, classes: readonly string[] | undefined): string | undefined {
  return label < 0 ? undefined : (classes?.[label] ?? `class ${label}`)
}

interface ThumbProps {
  readonly atlas: Atlas | undefined
  readonly position: number
  readonly size: number
  /** further description of the image, in addition to its class and position */
  readonly about?: string
  readonly mark?: 'same' | 'other'
}

/** A thumbnail from an atlas, or a grey square if it is missing. */
export function Thumb({ atlas, position, size, about, mark }: ThumbProps) {
  const cell = atlas && cellOf(atlas, position)
  const label = [classAt(atlas, position), `image ${position}`, about].filter(Boolean).join(', ')
  const style: Record<string, string> = { width: `${size}px`, height: `${size}px` }
  if (atlas && cell !== undefined) {
    style.backgroundImage = `url(${addressOf(atlas)})`
    style.backgroundSize = `${atlas.columns * size}px ${atlas.rows * size}px`
    style.backgroundPosition = `-${(cell % atlas.columns) * size}px -${Math.floor(cell / atlas.columns) * size}px`
    if (atlas.cell < size) style.imageRendering = 'pixelated'
  }
  return <span class={`thumb ${mark ?? ''}`} role="img" aria-label={label} title={label} style={style} />
}
