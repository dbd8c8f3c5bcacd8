import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { runPaths, writeAtomically } from '@selfsup/run-folder'
import { type DetailOptions, type DetailSources, detailsOf } from './details.js'
import { pageParts, renderPage } from './html.js'
import type { PageData, RunView } from './page-data.js'
import { RunReader } from './run-reader.js'

/** Brings what a run's map and pictures are made from; the caller closes what it opened. */
export type SourcesOf = (view: RunView) => Promise<DetailSources>

export interface ReportOptions extends Pick<DetailOptions, 'signal'> {
  /** heading; the run's name, or how many there are */
  readonly title?: string
  /** without it, the report has neither map nor pictures of images */
  readonly sourcesOf?: SourcesOf
  /** of each map, at most; 1500 */
  readonly mapPoints?: number
}

/** Points of all curves of one quantity together: more runs are drawn more coarsely, so that a report stays small. */
const POINTS_OF_ALL = 2400

/**
 * Makes a report about runs: one HTML file that needs nothing else, whose script and styles are inside.
 * @param folders of runs, as `@selfsup/train` writes them
 * @returns the HTML
 * @throws SelfsupError when there is no folder, or one holds no run
 */
export async function report(folders: readonly string[], options: ReportOptions = {}): Promise<string> {
  return renderPage(await reportData(folders, options), await pageParts())
}

/** What a report says, without the page around it. @throws SelfsupError when there is no folder, or one holds no run */
export async function reportData(
  given: readonly string[],
  { title, sourcesOf, mapPoints, signal }: ReportOptions = {},
): Promise<PageData> {
  const folders = [...new Map(given.map((folder) => [resolve(folder), folder])).values()]
  if (folders.length === 0) throw new SelfsupError('a report needs at least one run’s folder')
  const points = Math.max(100, Math.min(600, Math.floor(POINTS_OF_ALL / folders.length)))
  const names = namesOf(folders)
  const runs: RunView[] = []
  for (const [i, folder] of folders.entries()) {
    const facts = await stat(runPaths(folder).config).catch(() => undefined)
    if (!facts?.isFile())
      throw new SelfsupError(`${folder} holds no run: there is no ${runPaths(folder).config}`)
    const reader = new RunReader(folder, { id: `run${i + 1}`, name: names[i]!, points })
    await reader.update()
    signal?.throwIfAborted()
    const view = reader.view()
    const sources = (await sourcesOf?.(view)) ?? { datasets: {} }
    runs.push({ ...view, details: await detailsOf(view, sources, { points: mapPoints, signal }) })
  }
  return { title: title ?? titleOf(runs), made: Date.now(), live: false, runs }
}

function titleOf(runs: readonly RunView[]): string {
  return runs.length === 1 ? runs[0]!.name : `${runs.length} runs compared`
}

/** Names that tell runs apart: the folders' own where that is enough, else the paths as given. */
export function namesOf(folders: readonly string[]): string[] {
  const own = folders.map((folder) => basename(resolve(folder)))
  return new Set(own).size === own.length ? own : [...folders]
}

/** Writes a text so that the file is there whole or not at all. */
export async function writeReport(path: string, html: string): Promise<void> {
  await writeAtomically(resolve(path), (file) => file.writeFile(html))
}
