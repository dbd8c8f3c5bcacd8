import {
  expected,
  type ImageBatch,
  type ImageDataset,
  imageTensor,
  type Method,
  type Normalisation,
  phasesOf,
} from '@selfsup/core'

/** Content of a sheet of views. */
export interface ViewsSheet {
  readonly method: Method
  readonly dataset: ImageDataset
  /** size of the views in pixels */
  readonly size: number
  /** normalisation of the views */
  readonly normalisation: Normalisation
  /** maximum number of images, evenly spaced over the dataset; default 8 */
  readonly count?: number
  readonly seed?: number
}

/**
 * Writes a PNG of images and the views that a method creates of them: each image above its views.
 * @returns number of views per image
 * @throws SelfsupError if none of the chosen images can be read
 */
export async function writeViews(
  out: string,
  { method, dataset, size, normalisation, count = 8, seed = 1 }: ViewsSheet,
): Promise<number> {
  const tf = await import('@tensorflow/tfjs-core')
  const { contactSheet } = await import('@selfsup/data')
  const { channels } = dataset
  const { mean, std } = normalisation
  const seedOf = () => [seed, 0] as const
  const order = spread(Math.min(count, dataset.length), dataset.length)
  const whole = await first(dataset.batches({ batchSize: order.length, order, size }))
  const readable = Uint32Array.from(whole.indices)
  expected(readable.length > 0, `${dataset.name}: none of the ${order.length} chosen images could be read`)
  // Read the readable images again: the dataset would replace an unreadable one by another.
  const cropped = await first(
    dataset.batches({ batchSize: readable.length, order: readable, crops: method.crops, seedOf }),
  )
  const batch: ImageBatch = {
    images: cropped.images && imageTensor(cropped.images),
    crops: cropped.crops?.map(imageTensor),
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
    const original = tf.image.resizeBilinear(imageTensor(whole.images!), [size, size])
    const views = Object.values(method.views(batch, step) as Record<string, unknown>)
      .filter((view) => view instanceof tf.Tensor)
      .filter(({ shape }) => shape.length === 4 && shape[3] === channels)
      .flatMap((view) => {
        // Pretext tasks have several views per image, one batch after the other: one row for each.
        const several = view.shape[0]! / readable.length
        return Number.isInteger(several) ? tf.split(view, several) : [view]
      })
      .map((view) => tf.mul(tf.add(tf.mul(view, tf.tensor1d([...std])), tf.tensor1d([...mean])), 255))
    return [original, ...views].map(
      (pixels) => tf.cast(tf.round(tf.clipByValue(pixels, 0, 255)), 'int32') as typeof original,
    )
  })
  try {
    const sheet = await Promise.all(
      rows.map(async (row) => ({ data: Uint8Array.from(await row.data()), shape: row.shape })),
    )
    await contactSheet(out, sheet)
    return rows.length - 1
  } finally {
    tf.dispose([rows, batch.labels, batch.indices, batch.images ?? [], batch.crops ?? []])
  }
}

/** `count` evenly spaced positions: images of one class are often adjacent. */
function spread(count: number, length: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
}

async function first<T>(batches: AsyncIterable<T>): Promise<T> {
  for await (const batch of batches) return batch
  throw new Error('a dataset that was opened holds at least one image')
}
