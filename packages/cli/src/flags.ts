import { InvalidArgumentError, Option } from 'commander'

/** Receives the exit code of a command. */
export type Exit = (code: number) => void

/** Listed here so that help imports nothing heavy; a test compares the list with the protocols. */
export const protocolNames =
  'knn, linear-probe, separation, clustering, few-shot, retrieval, regression, data-efficiency, fine-tuning, convergence, detection, captioning'

/** Help text of an argument that names what computes features. */
export const modelHelp =
  'folder of a run or of an exported model; or a pretrained model: a name such as dinov2-small (see selfsup backbones), hf:owner/name, or a file of weights'

/** Help text of an argument that names images. */
export const imagesHelp =
  'folder of images, MNIST IDX files, CIFAR binary batches, a WebDataset tar (also https:// or s3://), or the word shapes'

/** `--engine`, for all commands that compute. */
export function engineOption(): Option {
  return new Option('--engine <name>', 'engine; auto chooses the fastest (default: auto)').choices([
    'auto',
    'tensorflow',
    'webgpu',
    'wasm',
    'cpu',
  ])
}

/** `--split`, for all commands that open images. */
export function splitOption(): Option {
  return new Option('--split <name>', 'split of MNIST, CIFAR or shapes (default: train)').choices([
    'train',
    'test',
  ])
}

/** Collects the values of an option that can be repeated. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

/** Parser of whole numbers >= `min`. */
export function integer(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min)
      throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`)
    return value
  }
}

/** Parser of numbers > 0. */
export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number greater than 0.')
  return value
}

/** Parser of numbers >= 0. */
export function notNegative(text: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new InvalidArgumentError('It must be a number of at least 0.')
  return value
}
