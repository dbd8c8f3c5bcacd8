import * as tf from '@tensorflow/tfjs-core'
import { ARGUMENTS, bindings, dispatch, GROUP, storedType, WORKGROUP } from './dispatch.js'
import { type WebgpuBackend, webgpuBackend } from './webgpu-backend.js'

/** An update of many variables by the same formula. */
export interface Update {
  readonly name: string
  /** letters of the variables of each set, which change in place, and of the tensors that are only read */
  readonly changed: readonly string[]
  readonly read: readonly string[]
  /** scalars and vectors that all sets share, by name */
  readonly scalars: Readonly<Record<string, tf.Tensor>>
}

/**
 * One set: the tensors by their letters, and the formula in WGSL with `$w` for the value of `w`, `$rate` for a scalar and
 * `$lengths[3]` for a value of a vector.
 */
export interface UpdateSet {
  readonly tensors: Readonly<Record<string, tf.Tensor>>
  readonly formula: string
}

/**
 * Changes variables in place, as many sets in one pass as the device can bind buffers.
 * A variable whose values another tensor shares gets its own first.
 */
export function updateInPlace({ name, changed, read, scalars }: Update, sets: readonly UpdateSet[]): void {
  const backend = webgpuBackend()
  const letters = [...changed, ...read]
  const shared = Object.keys(scalars)
  const most = backend.device.limits.maxStorageBuffersPerShaderStage
  const atOnce = Math.max(1, Math.floor((most - shared.length) / letters.length))
  for (const { tensors } of sets) for (const letter of changed) own(backend, tensors[letter] as tf.Variable)
  for (let first = 0; first < sets.length; first += atOnce) {
    const some = sets.slice(first, first + atOnce)
    const declared: Record<string, string> = {}
    const bound: tf.Tensor[] = []
    some.forEach(({ tensors }, set) => {
      for (const letter of letters) {
        const type = storedType(backend, uploaded(backend, tensors[letter]!))
        declared[`${letter}${set}`] = changed.includes(letter) ? `=${type}` : type
        bound.push(tensors[letter]!)
      }
    })
    for (const scalar of shared) {
      declared[`scalar_${scalar}`] = storedType(backend, uploaded(backend, scalars[scalar]!))
      bound.push(scalars[scalar]!)
    }
    const total = some.reduce((sum, { tensors }) => sum + tensors[letters[0]!]!.size, 0)
    const code = `${bindings(declared)}
@compute @workgroup_size(${WORKGROUP})
fn main(${ARGUMENTS}) {
  var i = ${GROUP} * ${WORKGROUP}u + local;
  ${shared.map((scalar) => `_ = scalar_${scalar}[0];`).join(' ')}
  ${some.map(({ tensors, formula }, set) => branch(tensors[letters[0]!]!.size, filled(formula, set))).join('\n  ')}
}`
    dispatch(backend, { name, code, tensors: bound, workgroups: Math.ceil(total / WORKGROUP) })
  }

  function filled(formula: string, set: number): string {
    return formula.replace(/\$(\w+)(?:\[(\d+)\])?/g, (_, key: string, index = '0') =>
      letters.includes(key) ? `${key}${set}[i]` : `f32(scalar_${key}[${index}])`,
    )
  }
}

/** Invocations that add up the squares of one tensor. */
const PARTS = 1024

/**
 * Squared Euclidean lengths of tensors, in a few passes over all of them.
 * @returns float32 [tensors]
 */
export function squaredLengths(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const backend = webgpuBackend()
  const atOnce = backend.device.limits.maxStorageBuffersPerShaderStage - 1
  const sums = backend.makeTensorInfo([tensors.length, PARTS], 'float32')
  for (let first = 0; first < tensors.length; first += atOnce) {
    const some = tensors.slice(first, first + atOnce)
    const declared = some.map(
      (tensor, j) => [`x${j}`, storedType(backend, uploaded(backend, tensor))] as const,
    )
    const code = `${bindings({ ...Object.fromEntries(declared), sums: '=f32' })}
@compute @workgroup_size(${WORKGROUP})
fn main(${ARGUMENTS}) {
  let i = ${GROUP} * ${WORKGROUP}u + local;
  let part = i % ${PARTS}u;
  var sum = 0.0;
  switch i / ${PARTS}u {
    ${some.map(({ size }, j) => `case ${j}u: { for (var k = part; k < ${size}u; k += ${PARTS}u) { let v = f32(x${j}[k]); sum += v * v; } }`).join('\n    ')}
    default: { return; }
  }
  sums[${first * PARTS}u + i] = sum;
}`
    const workgroups = Math.ceil((some.length * PARTS) / WORKGROUP)
    dispatch(backend, { name: 'SquaredLengths', code, tensors: [...some, sums], workgroups })
  }
  return tf.tidy(() => tf.sum(tf.engine().makeTensorFromTensorInfo(sums), 1) as tf.Tensor1D)
}

function branch(size: number, formula: string): string {
  return `if (i < ${size}u) { ${formula} return; }
  i -= ${size}u;`
}

/** Makes sure that a variable's values are on the device, and that no other tensor shares them. */
function own(backend: WebgpuBackend, variable: tf.Variable): void {
  if (backend.refCount(variable.dataId) > 1) tf.tidy(() => variable.assign(tf.add(variable, 0)))
  uploaded(backend, variable)
  backend.tensorMap.get(variable.dataId).values = null // or a host's copy of the old values would be read
}

function uploaded(backend: WebgpuBackend, tensor: tf.Tensor): tf.Tensor {
  backend.uploadToGPU(tensor.dataId)
  return tensor
}
