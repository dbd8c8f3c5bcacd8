import { SelfsupError } from '@selfsup/core'
import { openSource, overrideReading } from '@selfsup/runs'
import { type Settings, splitOf } from '../config.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { type ImageFlags, readingOf } from '../image-flags.js'
import { interruptible } from '../interrupt.js'
import { progressView } from '../progress.js'
import { positionsOf, shardOf, shardPath, shardPaths } from '../shards.js'
import { announce, reportSkipped } from '../training.js'

/** Flags of `selfsup embed`. */
export interface EmbedFlags extends ImageFlags {
  readonly out: string
  readonly split?: string
  readonly limit?: number
  /** `2/4`: the second of four shares */
  readonly shard?: string
  /** number of shares to join */
  readonly merge?: number
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup embed RUN IMAGES --out FILE`: writes features of images as .npy or .parquet. */
export async function embed(run: string, source: string, flags: EmbedFlags): Promise<number> {
  if (!/\.(npy|parquet)$/.test(flags.out)) {
    throw new SelfsupError(`--out must end in .npy or .parquet; got '${flags.out}'`)
  }
  const shard = flags.shard === undefined ? undefined : shardOf(flags.shard)
  if ((shard || flags.merge) && !flags.out.endsWith('.npy'))
    throw new SelfsupError(`--shard and --merge need an --out that ends in .npy; got '${flags.out}'`)
  if (flags.merge) return merge(flags.out, flags.merge, flags.json)
  if (shard && flags.limit) throw new SelfsupError('--shard and --limit are both set; set only one of them')
  const out = shard ? shardPath(flags.out, shard) : flags.out
  const view = progressView(process.stderr)
  const engine = await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  if (!flags.json) announce(engine, view)
  const { channels, size, reading } = encoder.imageShape
  const interrupt = interruptible(() => view.note('Stopping.'))
  const dataset = await openSource(source, {
    split: splitOf(flags.split),
    channels: source === 'shapes' ? undefined : channels,
    size,
    strict: flags.strict,
    reading: overrideReading(reading, readingOf(flags)),
    onNote: view.note,
    signal: interrupt.signal,
  })
  try {
    const { extractFeatures } = await import('@selfsup/evaluation')
    const { writeFeatures } = await import('@selfsup/data')
    const features = await extractFeatures(encoder.encode, dataset, {
      normalisation: encoder.normalisation,
      size,
      resampling: encoder.resampling,
      limit: flags.limit,
      ...(shard && { positions: positionsOf(shard, dataset.length) }),
      engine,
      signal: interrupt.signal,
    })
    const { pathOf } = dataset
    const paths = pathOf && Array.from(features.indices, (index) => pathOf(index))
    const parts = dataset.partOf && Array.from(features.indices, (index) => dataset.partOf!(index))
    await writeFeatures(out, { ...features, paths, parts })
    reportSkipped(dataset, view)
    const { count, width } = features
    if (flags.json) console.log(JSON.stringify({ out, count, width }))
    else view.note(`Wrote ${count} x ${width} features to ${out}`)
    return 0
  } finally {
    interrupt.release()
    encoder.dispose()
    await dataset.close()
  }
}

/** Joins the files of all shares, in order. */
async function merge(out: string, count: number, json?: boolean): Promise<number> {
  const { readFeatures, writeFeatures } = await import('@selfsup/data')
  const tables = await Promise.all((await shardPaths(out, count)).map((path) => readFeatures(path)))
  const [first] = tables
  const width = first!.width
  const other = tables.find((table) => table.width !== width)
  if (other) throw new SelfsupError(`${out}: the shares have ${width} and ${other.width} features`)
  const rows = tables.reduce((sum, table) => sum + table.count, 0)
  const values = new Float32Array(rows * width)
  let at = 0
  for (const table of tables) {
    values.set(table.values, at)
    at += table.values.length
  }
  const joined = <Item>(columns: readonly (ArrayLike<Item> | undefined)[]): Item[] | undefined =>
    columns.every((column) => column !== undefined)
      ? columns.flatMap((column) => Array.from(column))
      : undefined
  await writeFeatures(out, {
    values,
    count: rows,
    width,
    classes: first!.classes,
    labels: joined(tables.map(({ labels }) => labels)),
    paths: joined(tables.map(({ paths }) => paths)),
  })
  if (json) console.log(JSON.stringify({ out, count: rows, width }))
  else process.stderr.write(`Wrote ${rows} x ${width} features to ${out}\n`)
  return 0
}
