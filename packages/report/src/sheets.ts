import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { runPaths } from '@selfsup/run-folder'
import sharp from 'sharp'
import type { RunDetails, Sheet } from './page-data.js'

/** Sheets of one name that a page shows: the first, the last, and some between. */
const MOST_SHEETS = 8
/** Kinds of sheets of one run. */
const MOST_NAMES = 12
/** Wider ones are made smaller. */
const WIDEST = 1200

/**
 * The sheets in a run's `pictures` folder, `NAME-STEP.png` as training writes them or `NAME.png`, as WebP images in
 * data: addresses. Those that can't be read are left out, with a note.
 */
export async function sheetsOf(run: string): Promise<Pick<RunDetails, 'sheets' | 'notes'>> {
  const folder = runPaths(run).pictures
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

/** Files by the name of what they show, each in the order of its steps. */
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

/** At most so many, with the first and the last. */
function evenly<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all]
  return Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]!)
}
