import { SelfsupError } from '@selfsup/core'
import { changedReading, openSource } from '@selfsup/runs'
import { type Settings, splitOf } from '../config.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { type ImageFlags, readingOf } from '../image-flags.js'
import { interruptible } from '../interrupt.js'
import { progressView } from '../progress.js'
import { announce, reportSkipped } from '../training.js'

/** Flags of `selfsup embed`. */
export interface EmbedFlags extends ImageFlags {
  readonly out: string
  readonly split?: string
  readonly limit?: number
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup embed RUN IMAGES --out FILE`: writes features of images as .npy or .parquet. */
export async function embed(run: string, source: string, flags: EmbedFlags): Promise<number> {
  if (!/\.(npy|parquet)$/.test(flags.out)) {
    throw new SelfsupError(`--out must end in .npy or .parquet; got '${flags.out}'`)
  }
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
    reading: changedReading(reading, readingOf(flags)),
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
      engine,
      signal: interrupt.signal,
    })
    const { pathOf } = dataset
    const paths = pathOf && Array.from(features.indices, (index) => pathOf(index))
    const parts = dataset.partOf && Array.from(features.indices, (index) => dataset.partOf!(index))
    await writeFeatures(flags.out, { ...features, paths, parts })
    reportSkipped(dataset, view)
    const { count, width } = features
    if (flags.json) console.log(JSON.stringify({ out: flags.out, count, width }))
    else view.note(`Wrote ${count} x ${width} features to ${flags.out}`)
    return 0
  } finally {
    interrupt.release()
    encoder.dispose()
    await dataset.close()
  }
}
