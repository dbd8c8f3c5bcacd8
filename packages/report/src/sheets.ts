import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runPaths } from '@selfsup/run-folder'
import sharp from 'sharp'
import type { RunDetails, Sheet } from './page-data.js'

/** Maximum number of sheets per name: the first, the last, and some in between. */
const MOST_SHEETS = 8
/** Maximum number of names per run. */
const MOST_NAMES = 12
/** Wider sheets are scaled down to this width. */
const WIDEST = 1200

/**
 * Reads the sheets in a run's `pictures` folder, `NAME-STEP.png` as written by the training or `NAME.png`, as WebP data: URLs.
 * Unreadable files are left out, with a note.
 */
export async function sheetsOf(run: string): Promise<Pick<RunDetails, 'sheets' | 'notes'>> {
  const folder = runPaths(run).sheets
  const notes: string[] = []
  const sheets: { name: string; sheets: Sheet[] }[] = []
  for (const [name, files] of [...sheetFiles(await readdir(folder).catch(() => []))].slice(0, MOST_NAMES)) {
    const read = await Promise.all(
      evenly(files, MOST_SHEETS).map(async ({ file, step }): Promise<Sheet | undefined> => {
        try {
          const webp = await sharp(join(folder, file))
            .resize({ width: WIDEST, withoutEnlargement: true })
            .webp({ quality: 82 })
            .toBuffer()
          return { step, src: `data:image/webp;base64,${webp.toString('base64')}` }
        } catch {
          notes.push(`pictures/${file} can't be read as an image`)
          return undefined
        }
      }),
    )
    const whole = read.filter((sheet) => sheet !== undefined)
    if (whole.length > 0) sheets.push({ name, sheets: whole })
  }
  return { sheets, notes }
}

interface SheetFile {
  readonly file: string
  readonly step?: number
}

/** Groups files by name, sorted by step. */
export function sheetFiles(files: readonly string[]): Map<string, SheetFile[]> {
  const named = new Map<string, SheetFile[]>()
  for (const file of [...files].sort()) {
    const match = /^(.+?)(?:-(\d{4,}))?\.(?:png|jpe?g|webp)$/i.exec(file)
    if (!match) continue
    const [, name, step] = match
    named.set(name!, [...(named.get(name!) ?? []), { file, step: step ? Number(step) : undefined }])
  }
  for (const group of named.values()) group.sort((a, b) => (a.step ?? -1) - (b.step ?? -1))
  return named
}

/** At most `most` evenly spaced items, including the first and the last. */
function evenly<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all]
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!)
}
