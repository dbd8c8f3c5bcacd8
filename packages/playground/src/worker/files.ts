import type { Features } from '@selfsup/evaluation'
import { readStored, runPaths, runStorage } from '@selfsup/run-folder'
import { exportBackbone } from '@selfsup/train'
import { zipSync } from 'fflate'
import { type Learning, RUN } from './learning.js'
import { npy } from './npy.js'

/** A file for the user, and its name. */
export interface MadeFile {
  readonly name: string
  readonly data: Blob
}

type Entries = Record<string, Uint8Array>

/** The trained network as a TensorFlow.js layers model: model.json with its preprocessing, and weights.bin. */
export async function backboneFile(learning: Learning): Promise<MadeFile> {
  // The run writes its backbone when it ends; before, it is written here.
  if (learning.state !== 'finished')
    await exportBackbone(learning.method.networks.backbone, runPaths(RUN).backbone)
  return zipped('selfsup-backbone.zip', await filesIn(runPaths(RUN).backbone))
}

/** The whole run as a folder that the command line opens. */
export async function runFile(): Promise<MadeFile> {
  return zipped('selfsup-run.zip', await filesIn(RUN))
}

/** The features as NumPy's .npy, and the images' paths in the same order. */
export function featuresFile(
  { values, count, width }: Features,
  paths: readonly string[],
  names: readonly string[],
): MadeFile {
  const rows = paths.map((path, i) => [path, names[i] ?? ''].map(quoted).join(','))
  return zipped('selfsup-features.zip', {
    'features.npy': npy(values, [count, width]),
    'images.csv': encode(`image,group\n${rows.join('\n')}\n`),
  })
}

const encode = (text: string) => new TextEncoder().encode(text)

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

async function filesIn(folder: string, prefix = ''): Promise<Entries> {
  const entries: Entries = {}
  for (const name of await runStorage.list(folder)) {
    const path = `${folder}/${name}`
    if (await runStorage.has(path)) entries[`${prefix}${name}`] = await readStored(runStorage, path)
    else Object.assign(entries, await filesIn(path, `${prefix}${name}/`))
  }
  return entries
}

function zipped(name: string, entries: Entries): MadeFile {
  const bytes = zipSync(entries, { level: 1 })
  return { name, data: new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/zip' }) }
}
