import { type Dataset, expected, type Method } from '@selfsup/core'
import { orderSeed } from './batch-stream.js'

/** How a run iterates over its images. */
export interface Epochs {
  readonly stepsPerEpoch: number
  /** positions in the dataset in the order of an epoch, if the method has an `order`; otherwise all images are shuffled */
  readonly orderOf?: (epoch: number) => Uint32Array
}

/**
 * Checks that the dataset and the batch size meet a method's needs, and computes the number of steps per epoch.
 * @throws SelfsupError if they do not, or if there are fewer images than one batch. `orderOf` throws if the method's order of a
 *   later epoch has a different number of batches
 */
export function epochsOf(
  method: Method,
  dataset: Dataset,
  { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
): Epochs {
  const { name, length } = dataset
  expected(length > 0, `${name} contains no images; training needs at least 2`)
  expected(length > 1, `${name} contains a single image; training needs at least 2`)
  const labels = dataset.labels()
  expected(
    !method.needs?.labels || labels?.some((label) => label >= 0),
    `${method.name} needs labels, but ${name} has none; put the images into one subfolder per class, or choose another method`,
  )
  const { imageCount = length } = method.needs ?? {}
  expected(
    imageCount === length,
    `${method.name} was created for ${imageCount} images, but ${name} has ${length}; create it with imageCount: ${length}`,
  )
  checkBatchSize(method, batchSize)
  checkClasses(method, dataset, labels)
  if (!method.order) {
    expected(
      batchSize <= length,
      `train: a batch of ${batchSize} is larger than ${name}, which has ${length} images; use a batch of at most ${length}`,
    )
    return { stepsPerEpoch: Math.floor(length / batchSize) }
  }

  const choose = (epoch: number): Uint32Array => {
    const order = method.order!({ length, labels }, { batchSize, epoch, seed: orderSeed(seed, epoch) })
    const wrong = order.find((position) => position >= length)
    expected(
      wrong === undefined,
      `${method.name}: order must return positions from 0 to ${length - 1} in ${name}; got ${wrong}`,
    )
    return order
  }
  const first = choose(0).length
  const stepsPerEpoch = Math.floor(first / batchSize)
  expected(
    stepsPerEpoch > 0,
    `${method.name}: order returned ${first} images of ${name}, fewer than a batch of ${batchSize}; use a smaller batch`,
  )
  return {
    stepsPerEpoch,
    orderOf(epoch) {
      const order = choose(epoch)
      expected(
        Math.floor(order.length / batchSize) === stepsPerEpoch,
        `${method.name}: order must return the same number of batches in each epoch; got ${stepsPerEpoch} batches in the first and ${order.length} images (batches of ${batchSize}) in epoch ${epoch + 1}`,
      )
      return order
    },
  }
}

function checkBatchSize({ name, needs }: Method, batchSize: number): void {
  const { min = 1, max = Number.POSITIVE_INFINITY, multipleOf = 1 } = needs?.batchSize ?? {}
  const limits = [
    ...(min > 1 ? [`at least ${min}`] : []),
    ...(max < Number.POSITIVE_INFINITY ? [`at most ${max}`] : []),
    ...(multipleOf > 1 ? [`a multiple of ${multipleOf}`] : []),
  ]
  expected(
    batchSize >= min && batchSize <= max && batchSize % multipleOf === 0,
    `${name}: with these options the batch size must be ${limits.join(', ')}; got ${batchSize}`,
  )
}

function checkClasses({ name, needs }: Method, dataset: Dataset, labels: Int32Array | undefined): void {
  if (!needs?.classes || !labels) return
  const { max } = needs.classes
  const classes = new Set(labels.filter((label) => label >= 0)).size
  expected(
    classes <= max,
    `${name}: with these options the dataset may have at most ${max} classes; ${dataset.name} has ${classes}`,
  )
}
