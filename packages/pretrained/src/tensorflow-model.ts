import { dirname } from 'node:path'
import { expected, SelfsupError } from '@selfsup/core'
import {
  fileInside,
  openFile,
  parseModelFile,
  readFully,
  readLimited,
  type WeightGroup,
  type WeightSpec,
  weightBytes,
  weightGroups,
} from '@selfsup/run-folder'
import { type NumberTypeName, numberTypes } from './numbers.js'
import type { StoredTensor, WeightFile } from './weight-file.js'

/** Largest model.json in bytes; ResNet-50's has 200 kB. */
const MOST_TOPOLOGY = 2 ** 26

/** A file of weights, and where its bytes start in those of its group. */
interface Shard {
  readonly path: string
  readonly start: number
  readonly size: number
}

/**
 * Opens the weights of a TensorFlow.js layers or graph model. The names and shapes are those of model.json; a kernel of a convolution is
 * [height, width, in, out]. Quantised weights are read as the numbers that they stand for.
 * @param path of model.json
 * @throws SelfsupError if model.json is damaged, names a file outside its folder, or the files have another size than the weights
 */
export async function openTensorflowModel(path: string): Promise<WeightFile> {
  const tensors = new Map<string, StoredTensor>()
  try {
    const { weightsManifest } = parseModelFile(await readLimited(path, MOST_TOPOLOGY))
    for (const group of weightGroups(weightsManifest))
      for (const [name, tensor] of await tensorsOf(path, group)) {
        expected(!tensors.has(name), `it names weight '${name}' twice`)
        tensors.set(name, tensor)
      }
  } catch (error) {
    const { code = 'damaged-file' } = error as { code?: string }
    const known = error instanceof SelfsupError
    const missing = known ? code === 'not-found' : code === 'ENOENT'
    throw new SelfsupError(
      `${path} can't be read as a TensorFlow.js model: ${known ? error.problem : (error as Error).message}`,
      { code: missing ? 'not-found' : 'damaged-file', path, cause: error },
    )
  }
  return { path, format: 'tensorflow.js', tensors, close: async () => {} }
}

/** The tensors of a group, whose files are one sequence of bytes. */
async function tensorsOf(model: string, { paths, weights }: WeightGroup): Promise<[string, StoredTensor][]> {
  const shards: Shard[] = []
  let start = 0
  for (const name of paths) {
    const path = await fileInside(dirname(model), name)
    const file = await openFile(path)
    const { size } = await file.stat()
    await file.close()
    shards.push({ path, start, size })
    start += size
  }
  const needed = weights.reduce((sum, weight) => sum + weightBytes(weight), 0)
  expected(
    needed === start,
    `the weights in ${paths.join(', ')} need ${needed} bytes by their shapes; the files contain ${start}`,
  )
  let at = 0
  return weights.map((weight) => {
    const from = at
    at += weightBytes(weight)
    return [weight.name, tensorOf(weight, shards, from)]
  })
}

function tensorOf(weight: WeightSpec, shards: readonly Shard[], from: number): StoredTensor {
  const { name, shape, dtype, quantization } = weight
  const stored = quantization?.dtype ?? dtype
  return {
    shape,
    dtype: stored,
    async read() {
      const type = Object.hasOwn(numberTypes, stored) ? numberTypes[stored as NumberTypeName] : undefined
      expected(type, `weight '${name}' has type ${stored}, which can't be read as numbers`, {
        code: 'unsupported',
      })
      const values = type.toFloat32(await bytesAt(shards, from, weightBytes(weight)))
      const { scale, min } = quantization ?? {}
      // float16 is a type of its own; other quantised values are steps between the smallest and the largest.
      if (scale === undefined || min === undefined) return values
      return values.map((value) => value * scale + min)
    },
  }
}

async function bytesAt(shards: readonly Shard[], from: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count)
  for (const { path, start, size } of shards) {
    const [first, end] = [Math.max(from, start), Math.min(from + count, start + size)]
    if (first >= end) continue
    const file = await openFile(path)
    try {
      const part = bytes.subarray(first - from, end - from)
      await readFully(file, part, first - start, `${path} ends within the weights`)
    } finally {
      await file.close()
    }
  }
  return bytes
}
