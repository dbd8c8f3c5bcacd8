import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { runPaths, writeAtomically } from '@selfsup/run-folder'
import { type DetailOptions, type DetailSources, detailsOf } from './details.js'
import { findRuns } from './find-runs.js'
import { pageParts, renderPage } from './html.js'
import type { PageData, RunView } from './page-data.js'
import { RunReader } from './run-reader.js'

/** Provides the data for a run's map and images; the caller closes what it opened. */
export type SourcesOf = (view: RunView) => Promise<DetailSources>

export interface ReportOptions extends Pick<DetailOptions, 'signal'> {
  /** heading; default: the run's name, or the number of runs */
  readonly title?: string
  /** if absent, the report has no map and no thumbnails */
  readonly sourcesOf?: SourcesOf
  /** maximum number of points per map; default 1500 */
  readonly mapPoints?: number
}

/** Maximum number of points per quantity over all runs: with more runs, curves are coarser, so that the report stays small. */
const POINTS_OF_ALL = 2400

/**
 * Creates a report about runs: one self-contained HTML file.
 * @param folders run folders, as written by `@selfsup/train`, or folders that contain some
 * @returns the HTML
 * @throws SelfsupError if no folder is given, or one is neither a run folder nor contains one
 */
export async function report(folders: readonly string[], options: ReportOptions = {}): Promise<string> {
  return renderPage(await reportData(folders, options), await pageParts())
}

/** Collects a report's data, without the page. @throws SelfsupError as `report` */
export async function reportData(
  given: readonly string[],
  { title, sourcesOf, mapPoints, signal }: ReportOptions = {},
): Promise<PageData> {
  const runFolders = (await Promise.all(given.map(runsIn))).flat()
  const folders = [...new Map(runFolders.map((folder) => [resolve(folder), folder])).values()]
  if (folders.length === 0) throw new SelfsupError('report: at least one run folder is needed; got none')
  const points = Math.max(100, Math.min(600, Math.floor(POINTS_OF_ALL / folders.length)))
  const names = namesOf(folders)
  const runs: RunView[] = []
  for (const [i, folder] of folders.entries()) {
    const reader = new RunReader(folder, { id: `run${i + 1}`, name: names[i]!, points })
    await reader.update()
    signal?.throwIfAborted()
    const view = reader.view()
    const sources = (await sourcesOf?.(view)) ?? { datasets: {} }
    runs.push({ ...view, details: await detailsOf(view, sources, { points: mapPoints, signal }) })
  }
  return { title: title ?? titleOf(runs), made: Date.now(), live: false, runs }
}

/** The folder itself if it is a run's, otherwise the runs in and below it. @throws SelfsupError if there are none */
async function runsIn(folder: string): Promise<string[]> {
  const { config } = runPaths(folder)
  const facts = await stat(config).catch(() => undefined)
  if (facts?.isFile()) return [folder]
  const found = facts ? [] : await findRuns(folder)
  if (found.length === 0)
    throw new SelfsupError(`${folder} holds no run: there is no config.json in it or in a folder below it`, {
      code: 'no-run',
      fix: 'pass the folder of a run, or a folder that contains runs',
      path: folder,
    })
  return found
}

function titleOf(runs: readonly RunView[]): string {
  return runs.length === 1 ? runs[0]!.name : `${runs.length} runs compared`
}

/** Distinct names of runs: the folders' base names if these are distinct, otherwise the given paths. */
export function namesOf(folders: readonly string[]): string[] {
  const own = folders.map((folder) => basename(resolve(folder)))
  return new Set(own).size === own.length ? own : [...folders]
}

/** Writes a file atomically: it is either complete or absent. */
export async function writeReport(path: string, html: string): Promise<void> {
  await writeAtomically(resolve(path), (file) => file.writeFile(html))
}
