import { expected, type HostImages, type ImageBatch, phasesOf } from '@selfsup/core'
import type { Settings } from '../config.js'
import { methodOptions } from '../config.js'
import { openSource } from '../images.js'
import { progressView } from '../progress.js'
import { findMethod } from '../registry.js'
import { disposeOf, makeMethod, normalisationFor } from '../run.js'
import { reportSkipped } from './pretrain.js'

/** Flags of `selfsup preview`. */
export interface PreviewFlags {
  readonly method?: string
  readonly set?: readonly string[]
  readonly out?: string
  readonly size?: number
  readonly count?: number
  readonly seed?: number
  readonly engine?: Settings['engine']
}

/** `selfsup preview IMAGES`: a PNG of images and the views that a method makes of them, for a person to look at. */
export async function preview(source: string, flags: PreviewFlags): Promise<number> {
  const { out = 'preview.png', count = 8, seed = 1 } = flags
  const definition = await findMethod(flags.method ?? 'simclr')
  const view = progressView(process.stderr)
  const dataset = await openSource(source, {
    size: flags.size,
    count: source === 'shapes' ? count : undefined,
    view,
  })
  try {
    const { prepareEngine } = await import('@selfsup/engine')
    await prepareEngine({ engine: flags.engine ?? 'auto' })
    const tf = await import('@tensorflow/tfjs-core')
    const { contactSheet } = await import('@selfsup/data')
    const size = flags.size ?? (dataset.imageSize ? 32 : 224)
    const { channels } = dataset
    const { mean, std } = await normalisationFor(channels)
    // The views are the method's own, with its options; the network around which it is made does not matter.
    const method = await makeMethod({
      method: definition.name,
      options: methodOptions(definition, flags.set ?? []),
      pictures: { size, channels },
      backbone: definition.backbone ?? 'convnet',
      seed,
    })
    const seedOf = () => [seed, 0] as const
    const order = spread(Math.min(count, dataset.length), dataset.length)
    const whole = await first(dataset.batches({ batchSize: order.length, order, size }))
    const readable = Uint32Array.from(whole.indices)
    expected(readable.length > 0, `${source}: none of the ${order.length} pictures looked at could be read`)
    // The same pictures again: in place of an unreadable one another would be cropped.
    const cropped = await first(
      dataset.batches({ batchSize: readable.length, order: readable, crops: method.crops, seedOf }),
    )
    const tensor = ({ data, shape }: HostImages) => tf.tensor4d(data, [...shape], 'int32')
    const batch: ImageBatch = {
      images: cropped.images && tensor(cropped.images),
      crops: cropped.crops?.map(tensor),
      labels: tf.tensor1d(cropped.labels, 'int32'),
      indices: tf.tensor1d(cropped.indices, 'int32'),
    }
    const rows = tf.tidy(() => {
      const step = {
        seed: tf.tensor1d([...seedOf()], 'int32'),
        progress: tf.scalar(0),
        epoch: tf.scalar(0),
        phase: phasesOf(method)[0]!,
      }
      const original = tf.image.resizeBilinear(tensor(whole.images!), [size, size])
      const views = Object.values(method.views(batch, step) as Record<string, unknown>)
        .filter((view) => view instanceof tf.Tensor)
        .filter(({ shape }) => shape.length === 4 && shape[3] === channels)
        .flatMap((view) => {
          // Several of each picture, as tasks have them, come one after the other: a row for each.
          const several = view.shape[0]! / readable.length
          return Number.isInteger(several) ? tf.split(view, several) : [view]
        })
        .map((view) => tf.mul(tf.add(tf.mul(view, tf.tensor1d([...std])), tf.tensor1d([...mean])), 255))
      return [original, ...views].map(
        (pixels) => tf.cast(tf.round(tf.clipByValue(pixels, 0, 255)), 'int32') as typeof original,
      )
    })
    const sheet = await Promise.all(
      rows.map(async (row) => ({ data: Uint8Array.from(await row.data()), shape: row.shape })),
    )
    await contactSheet(out, sheet)
    tf.dispose([rows, Object.values(batch)])
    disposeOf(method)
    reportSkipped(dataset, view)
    view.note(`${out}: originals above, then the ${rows.length - 1} views of each`)
    return 0
  } finally {
    await dataset.close()
  }
}

/** So many positions, evenly over all of them: pictures of one class often lie together. */
function spread(count: number, length: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
}

async function first<T>(batches: AsyncIterable<T>): Promise<T> {
  for await (const batch of batches) return batch
  throw new Error('a dataset that was opened holds at least one image')
}
