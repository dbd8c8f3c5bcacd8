import { join } from 'node:path'
import { checkpointPaths, openFile, readText, runPaths } from '@selfsup/run-folder'

interface Weight {
  readonly name: string
  readonly shape: readonly number[]
}

/** Number of trainable parameters of a run's backbone: from the exported model, otherwise from the newest checkpoint. */
export async function parametersOf(folder: string): Promise<number | undefined> {
  const exported = await readText(join(runPaths(folder).backbone, 'model.json'))
    .then((text): Weight[] =>
      JSON.parse(text).weightsManifest.flatMap(({ weights }: { weights: Weight[] }) => weights),
    )
    .catch(() => undefined)
  const weights = exported ?? (await checkpointWeights(folder).catch(() => undefined))
  if (!weights) return undefined
  const count = weights
    .filter(({ name }) => !/moving_(mean|variance)$/.test(name))
    .reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0)
  return Number.isFinite(count) ? count : undefined
}

async function checkpointWeights(folder: string): Promise<Weight[] | undefined> {
  const [newest] = await checkpointPaths(folder)
  if (!newest) return undefined
  const file = await openFile(newest)
  try {
    const length = Buffer.alloc(8)
    await file.read(length, 0, 8, 0)
    const size = Number(length.readBigUInt64LE())
    if (size > 2 ** 26 || size > (await file.stat()).size) return undefined
    const header = Buffer.alloc(size)
    await file.read(header, 0, size, 8)
    return Object.entries(JSON.parse(header.toString()) as Record<string, { shape?: number[] }>).flatMap(
      ([name, { shape }]) => (name.startsWith('networks/backbone/') && shape ? [{ name, shape }] : []),
    )
  } finally {
    await file.close()
  }
}
