import { InvalidArgumentError, Option } from 'commander'

/** Takes the exit code of a command. */
export type Exit = (code: number) => void

/** Written down here so that help needs nothing heavy; a test holds it to what there is. */
export const protocolNames =
  'knn, linear-probe, separation, clustering, few-shot, retrieval, regression, data-efficiency, fine-tuning, convergence, detection, captioning'

/** What a command takes for images, for help. */
export const imagesHelp =
  'folder of pictures, MNIST IDX files, CIFAR binary batches, a WebDataset tar, or the word shapes'

/** `--engine`, of all commands that compute. */
export function engineOption(): Option {
  return new Option('--engine <name>', 'auto takes the fastest').choices([
    'auto',
    'tensorflow',
    'wasm',
    'cpu',
  ])
}

/** `--split`, of all commands that open images. */
export function splitOption(): Option {
  return new Option('--split <name>', 'which part of MNIST, CIFAR or shapes (default: train)').choices([
    'train',
    'test',
  ])
}

/** An option that may be given several times. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

/** A parser of whole numbers. */
export function integer(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min)
      throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`)
    return value
  }
}

/** A parser of numbers above 0. */
export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

/** A parser of numbers of at least 0. */
export function notNegative(text: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new InvalidArgumentError('It must be a number of at least 0.')
  return value
}
