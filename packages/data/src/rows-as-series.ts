import { type Dataset, expected, type HostBatch, type ImageDataset } from '@selfsup/core'

/**
 * Converts small images to time series, row by row from the top: MNIST becomes series of 28 steps of 28 numbers, 0..1.
 * @returns a dataset whose batches contain `values`, [batch, height, width * channels]; closing it closes the images
 * @throws SelfsupError if the images do not have one small size
 */
export function rowsAsSeries(images: ImageDataset): Dataset {
  const { imageSize, channels } = images
  expected(
    imageSize,
    `${images.name}: only images of one small size can be read row by row; open them with imageSize`,
  )
  const [height, width] = imageSize
  return {
    name: `${images.name}-rows`,
    length: images.length,
    valueShape: [height, width * channels],
    classes: images.classes,
    fingerprint: `rows-${images.fingerprint}`,
    labels: () => images.labels(),
    pathOf: images.pathOf && ((index) => images.pathOf!(index)),
    async *batches(options): AsyncIterable<HostBatch> {
      for await (const batch of images.batches(options)) {
        const { labels, indices } = batch
        const data = Float32Array.from(batch.images!.data, (pixel) => pixel / 255)
        yield { values: { data, shape: [labels.length, height, width * channels] }, labels, indices }
      }
    },
    skipped: () => images.skipped(),
    close: () => images.close(),
  }
}
