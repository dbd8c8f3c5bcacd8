import { type Dataset, expected, type HostBatch, type ImageDataset } from '@selfsup/core'

/**
 * Small images read row by row, from the top: MNIST as series of 28 steps of 28 numbers, 0..1. A view of the images,
 * which are closed with it.
 * @returns batches of `values`, [batch, height, width * channels]
 * @throws SelfsupError when the images are not of one small size
 */
export function rowsAsSeries(images: ImageDataset): Dataset {
  const { imageSize, channels } = images
  expected(
    imageSize,
    `${images.name}: only pictures of one small size can be read row by row; open them with imageSize`,
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
      for await (const { images: pictures, labels, indices } of images.batches(options)) {
        const data = Float32Array.from(pictures!.data, (pixel) => pixel / 255)
        yield { values: { data, shape: [labels.length, height, width * channels] }, labels, indices }
      }
    },
    skipped: () => images.skipped(),
    close: () => images.close(),
  }
}
