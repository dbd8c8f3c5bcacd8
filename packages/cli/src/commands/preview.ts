import type { HostImages, ImageBatch } from '@selfsup/core'
import type { Settings } from '../config.js'
import { methodOptions } from '../config.js'
import { openSource } from '../images.js'
import { progressView } from '../progress.js'
import { findMethod } from '../registry.js'
import { normalisationFor } from '../run.js'

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
    const { convnet } = await import('@selfsup/backbones')
    const { contactSheet } = await import('@selfsup/data')
    const size = flags.size ?? (dataset.imageSize ? 32 : 224)
    const { channels } = dataset
    const normalisation = await normalisationFor(channels)
    // The views are the method's own, with its options; the network around which it is made does not matter.
    const backbone = convnet({ size, channels })
    const method = definition.create(backbone, methodOptions(definition, flags.set ?? []), { normalisation })
    const show = { batchSize: Math.min(count, dataset.length), limit: count }
    const seedOf = () => [seed, 0] as const
    const whole = await first(dataset.batches({ ...show, size }))
    const cropped = await first(dataset.batches({ ...show, crops: method.crops, seedOf }))
    const tensor = ({ data, shape }: HostImages) => tf.tensor4d(data, [...shape], 'int32')
    const batch: ImageBatch = {
      images: cropped.images && tensor(cropped.images),
      crops: cropped.crops?.map(tensor),
      labels: tf.tensor1d(cropped.labels, 'int32'),
      indices: tf.tensor1d(cropped.indices, 'int32'),
    }
    const views = tf.tidy(() => {
      const made = Object.values(
        method.views(batch, tf.tensor1d([...seedOf()], 'int32')) as Record<string, unknown>,
      )
      return made
        .filter(
          (item): item is InstanceType<typeof tf.Tensor> => item instanceof tf.Tensor && item.rank === 4,
        )
        .map((pictures) => {
          const pixels = tf.add(
            tf.mul(pictures, tf.tensor1d([...normalisation.std])),
            tf.tensor1d([...normalisation.mean]),
          )
          return tf.cast(tf.clipByValue(tf.round(tf.mul(pixels, 255)), 0, 255), 'int32')
        })
    })
    const original = tf.tidy(() =>
      tf.image.resizeBilinear(tf.cast(tensor(whole.images!), 'float32') as never, [size, size]),
    )
    const rows = [original, ...views]
    const pixels = await Promise.all(rows.map((row) => row.data()))
    const shown = rows[0]!.shape[0]!
    const data = Uint8Array.from(pixels.flatMap((row) => [...row]))
    await contactSheet(out, { data, shape: [shown * rows.length, size, size, channels] }, { columns: shown })
    tf.dispose([rows, Object.values(batch)])
    method.dispose()
    backbone.dispose()
    view.note(`${out}: originals above, then the ${views.length} views of each`)
    return 0
  } finally {
    await dataset.close()
  }
}

async function first<T>(batches: AsyncIterable<T>): Promise<T> {
  for await (const batch of batches) return batch
  throw new Error('a dataset that was opened holds at least one image')
}
