import { expected, formatShape, namedWeights, SelfsupError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Architecture, ArchitectureReader } from './architecture.js'
import { adaptInputKernel } from './input-channels.js'
import type { Layout } from './naming.js'
import { resizePositions } from './positions.js'
import type { NamedTensors } from './recognise.js'
import { type StoredTensor, sizeOf } from './weight-file.js'

/** At most this many tensors are named in an error. */
const MOST_NAMED = 5

interface Assignment {
  readonly variable: tf.Variable
  readonly layout: Layout
  readonly parts: readonly StoredTensor[]
  /** of the images, if the kernel is adapted to them */
  readonly channels?: number
}

/**
 * Sets the weights of a backbone to those of a file. Nothing is changed if a tensor is missing, has another shape, or is left over.
 * @throws SelfsupError that names these tensors with their shapes
 */
export async function assignWeights(
  model: LayersModel,
  tensors: NamedTensors,
  reader: ArchitectureReader,
  { positions }: Architecture,
): Promise<void> {
  const problems: string[] = []
  const used = new Set<string>()
  const assignments: Assignment[] = []
  for (const [name, weight] of namedWeights({ backbone: model })) {
    const found = reader.counterpart(name.slice('backbone/'.length))
    if (!found) continue
    const variable = weight.read() as tf.Variable
    const shape = storedShape(variable.shape, found.layout)
    const { names, parts } = tensors.find(found.timm)
    if (found.optional && parts.every((part) => part === undefined)) continue
    for (const part of names) used.add(part)
    const part = [shape[0]! / parts.length, ...shape.slice(1)]
    for (const [i, name] of names.entries())
      if (!parts[i]) problems.push(`${name} is missing, expected ${formatShape(part)}`)
    const there = parts.filter((part) => part !== undefined)
    if (there.length < parts.length) continue
    if (found.timm === reader.inputKernel && there[0]!.shape[1] === 3 && part[1] !== 3) {
      const [filters, channels, ...sides] = part
      problems.push(...wrongShape(names, there, [filters!, 3, ...sides]))
      assignments.push({ variable, layout: found.layout, parts: there, channels: channels! })
      continue
    }
    problems.push(
      ...(found.layout === 'positions'
        ? wrongPositions(names[0]!, there[0]!.shape, model.outputs[0]!.shape.at(-1)!)
        : wrongShape(names, there, part)),
    )
    assignments.push({ variable, layout: found.layout, parts: there })
  }
  const surplus = tensors.names.filter((name) => !used.has(name) && !reader.unneeded.test(name))
  for (const name of surplus)
    problems.push(
      `${name} ${formatShape(tensors.get(name)!.shape)} is left over: ${model.name} has no such weight`,
    )
  if (problems.length > 0) {
    const more = problems.length > MOST_NAMED ? `; and ${problems.length - MOST_NAMED} more` : ''
    throw new SelfsupError(
      `${tensors.path} does not fit ${model.name}: ${problems.slice(0, MOST_NAMED).join('; ')}${more}`,
      { path: tensors.path },
    )
  }
  for (const { variable, layout, parts, channels } of assignments) {
    const stored = await joined(parts)
    const values = channels
      ? adaptInputKernel(stored, parts[0]!.shape as [number, number, number, number], channels)
      : stored
    const own = tf.tidy(() => inOurLayout(values, parts, variable.shape, layout, positions))
    variable.assign(own)
    own.dispose()
  }
}

/** The shape in which PyTorch stores a weight of ours. */
function storedShape(shape: readonly number[], layout: Layout): number[] {
  const [a, b, c, d] = shape as [number, number, number, number]
  if (layout === 'dense') return [b, a]
  if (layout === 'conv') return [d, c, a, b]
  return layout === 'depthwise' ? [c, 1, a, b] : [...shape]
}

function wrongShape(
  names: readonly string[],
  parts: readonly StoredTensor[],
  expectedPart: readonly number[],
): string[] {
  return parts.flatMap(({ shape }, i) => {
    // A token of shape [1, 1, width], or a scale of shape [width, 1, 1], is a vector of ours.
    const flat = expectedPart.length === 1 && shape.includes(1) && sizeOf(shape) === expectedPart[0]
    return flat || shape.join() === expectedPart.join()
      ? []
      : [`${names[i]} has shape ${formatShape(shape)}, expected ${formatShape(expectedPart)}`]
  })
}

/** Positions of any square number of patches can be resized, with or without one of the class token. */
function wrongPositions(name: string, shape: readonly number[], width: number): string[] {
  const [batch, count = 0, ownWidth, ...more] = shape
  const square = [count, count - 1].some((patches) => patches >= 1 && Number.isInteger(Math.sqrt(patches)))
  return square && batch === 1 && ownWidth === width && more.length === 0
    ? []
    : [`${name} has shape ${formatShape(shape)}, expected [1, a square number of patches + 1, ${width}]`]
}

async function joined(parts: readonly StoredTensor[]): Promise<Float32Array> {
  const values = await Promise.all(parts.map((part) => part.read()))
  if (values.length === 1) return values[0]!
  const result = new Float32Array(values.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of values) {
    result.set(part, at)
    at += part.length
  }
  return result
}

function inOurLayout(
  values: Float32Array,
  parts: readonly StoredTensor[],
  shape: number[],
  layout: Layout,
  resizing: Architecture['positions'],
): tf.Tensor {
  const stored = storedShape(shape, layout)
  if (layout === 'dense') return tf.transpose(tf.tensor(values, stored))
  if (layout === 'conv') return tf.transpose(tf.tensor(values, stored), [2, 3, 1, 0])
  if (layout === 'depthwise') return tf.transpose(tf.tensor(values, stored), [2, 3, 0, 1])
  if (layout === 'same') return tf.tensor(values, shape)
  const [, count, width] = parts[0]!.shape as [number, number, number]
  expected(resizing, 'positions need a way to be resized')
  const bare = Number.isInteger(Math.sqrt(count)) // no position of the class token: timm has added it to the token
  const from = Math.sqrt(bare ? count : count - 1)
  const to = Math.sqrt(shape[0]! / width - 1)
  const grid = resizePositions(values.subarray(bare ? 0 : width), [from, to], width, resizing)
  const all = new Float32Array(shape[0]!)
  if (!bare) all.set(values.subarray(0, width))
  all.set(grid, width)
  return tf.tensor(all, shape)
}
