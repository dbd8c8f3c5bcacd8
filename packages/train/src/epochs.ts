import { type Dataset, expected, type Method } from '@selfsup/core'
import { orderSeed } from './batch-stream.js'

/** How a run goes through its images. */
export interface Epochs {
  readonly stepsPerEpoch: number
  /** positions in the dataset in the order of an epoch, where the method chooses it; otherwise all, shuffled */
  readonly orderOf?: (epoch: number) => Uint32Array
}

/**
 * Checks that dataset and batch are what a method needs and that there is a whole batch, and divides it into steps.
 * @throws SelfsupError when it isn't; at once, and in `orderOf` when the method's order of a later epoch has another length
 */
export function epochsOf(
  method: Method,
  dataset: Dataset,
  { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
): Epochs {
  const { name, length } = dataset
  expected(length > 0, `${name} holds no images`)
  expected(
    length > 1,
    `${name} holds a single image: there is nothing to tell it from; training needs at least 2`,
  )
  const labels = dataset.labels()
  expected(
    !method.needs?.labels || labels?.some((label) => label >= 0),
    `${method.name} learns from labels, and ${name} has none; put the images into one subfolder per class, or take another method`,
  )
  checkBatchSize(method, batchSize)
  checkClasses(method, dataset, labels)
  if (!method.order) {
    expected(
      batchSize <= length,
      `train: a batch of ${batchSize} is larger than ${name} with its ${length} images; take a batch of at most ${length}`,
    )
    return { stepsPerEpoch: Math.floor(length / batchSize) }
  }

  const choose = (epoch: number): Uint32Array => {
    const order = method.order!({ length, labels }, { batchSize, epoch, seed: orderSeed(seed, epoch) })
    const wrong = order.find((position) => position >= length)
    expected(
      wrong === undefined,
      `${method.name}: order names position ${wrong}; ${name} has those from 0 to ${length - 1}`,
    )
    return order
  }
  const first = choose(0).length
  const stepsPerEpoch = Math.floor(first / batchSize)
  expected(
    stepsPerEpoch > 0,
    `${method.name}: order gave ${first} images of ${name}, fewer than a batch of ${batchSize}; take a smaller batch`,
  )
  return {
    stepsPerEpoch,
    orderOf(epoch) {
      const order = choose(epoch)
      expected(
        Math.floor(order.length / batchSize) === stepsPerEpoch,
        `${method.name}: order must give as many batches in each epoch; ${stepsPerEpoch} in the first, ${order.length} images (batches of ${batchSize}) in epoch ${epoch + 1}`,
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
    `${name}: with its options a batch must be ${limits.join(', ')}; got ${batchSize}`,
  )
}

function checkClasses({ name, needs }: Method, dataset: Dataset, labels: Int32Array | undefined): void {
  if (!needs?.classes || !labels) return
  const { max } = needs.classes
  const classes = new Set(labels.filter((label) => label >= 0)).size
  expected(
    classes <= max,
    `${name}: with its options it tells at most ${max} classes apart; ${dataset.name} has ${classes}`,
  )
}
