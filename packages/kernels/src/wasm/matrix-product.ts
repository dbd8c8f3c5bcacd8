import * as tf from '@tensorflow/tfjs-core'
import { addressOf, type WasmBackend, type WasmKernel, withView } from './wasm-backend.js'

type Multiply = (
  a: number,
  b: number,
  out: number,
  sizes: { readonly m: number; readonly k: number; readonly n: number },
) => void

const multiplications = new WeakMap<WasmBackend, Multiply>()

/**
 * The WebAssembly backend's only fast product, [m, k] by [k, n], on tensors given by id. It caches a repacked copy of b
 * per tensor id, so the factor that is used again should be b.
 */
export function multiplication(backend: WasmBackend): Multiply {
  const known = multiplications.get(backend)
  if (known) return known
  const number = 'number'
  const call = backend.wasm.cwrap('BatchMatMul', null, [
    number,
    'array',
    number,
    number,
    'array',
    number,
    number,
    number,
    number,
  ])
  const bytes = (...shape: readonly number[]) => new Uint8Array(new Int32Array(shape).buffer)
  const multiply: Multiply = (a, b, out, { m, k, n }) => {
    call(a, bytes(1, m, k), 3, b, bytes(1, k, n), 3, 0, 0, out)
  }
  multiplications.set(backend, multiply)
  return multiply
}

/**
 * Products of matrices, transposed or not. The backend is fast for one pair of untransposed matrices and up to 90 times
 * slower for everything else. Here everything uses the fast product.
 */
export const batchMatMul: WasmKernel = {
  kernelName: 'BatchMatMul',
  run: (backend, inputs, attrs) => {
    const { transposeA, transposeB } = attrs as unknown as tf.BatchMatMulAttrs
    if (manySmall(inputs.a!.shape, inputs.b!.shape, transposeA)) return undefined
    return tf.tidy(() => {
      const a = untransposed(inputs.a as tf.Tensor, transposeA)
      const b = untransposed(inputs.b as tf.Tensor, transposeB)
      const batch = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
      return products(backend, laidOut(a, batch), laidOut(b, batch), batch)
    })
  },
}

const activations = { relu: tf.relu, relu6: tf.relu6, elu: tf.elu, sigmoid: tf.sigmoid }

/** The backend's own kernel is correct and fast for two untransposed matrices; for others it ignores the batch. */
export const fusedMatMul: WasmKernel = {
  kernelName: '_FusedMatMul',
  run: (_, inputs, attrs) => {
    const { a, b, bias, preluActivationWeights } = inputs as Record<string, tf.Tensor>
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs as unknown as tf._FusedMatMulAttrs
    const matrices =
      tf.util.sizeFromShape(a!.shape.slice(0, -2)) * tf.util.sizeFromShape(b!.shape.slice(0, -2))
    if (matrices === 1 && !transposeA && !transposeB) return undefined
    return tf.tidy(() => {
      const product = tf.matMul(a!, b!, transposeA, transposeB)
      const shifted = bias ? tf.add(product, bias) : product
      switch (activation ?? 'linear') {
        case 'linear':
          return shifted
        case 'prelu':
          return tf.prelu(shifted, preluActivationWeights!)
        case 'leakyrelu':
          return tf.leakyRelu(shifted, leakyreluAlpha)
        default:
          return activations[activation as keyof typeof activations](shifted)
      }
    })
  },
}

/** Whether the matrices of a batch are so small that one call per matrix is slower than the backend's slow product. */
function manySmall(a: readonly number[], b: readonly number[], transposeA: boolean): boolean {
  const matrices = tf.util.sizeFromShape(a.slice(0, -2))
  const [first, second] = a.slice(-2) as [number, number]
  const inner = transposeA ? first : second
  const multiplications = (first * second * tf.util.sizeFromShape(b.slice(-2))) / Math.max(1, inner)
  return matrices > 1 && multiplications < SMALL && a.slice(0, -2).join() === b.slice(0, -2).join()
}

const SMALL = 2 ** 14

function untransposed(x: tf.Tensor, transpose: boolean): tf.Tensor {
  if (x.dtype !== 'float32') throw new Error(`matMul: WebAssembly multiplies float32 only; got ${x.dtype}`)
  if (!transpose) return x
  const axes = x.shape.map((_, axis) => axis)
  return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2])
}

/** One matrix for the whole batch, or one per element. */
function laidOut(x: tf.Tensor, batch: readonly number[]): tf.Tensor {
  const matrix = x.shape.slice(-2)
  const matrices = tf.util.sizeFromShape(x.shape.slice(0, -2))
  if (matrices === 1 || matrices === tf.util.sizeFromShape([...batch])) return x
  return tf.broadcastTo(x, [...batch, ...matrix])
}

function products(backend: WasmBackend, a: tf.Tensor, b: tf.Tensor, batch: readonly number[]): tf.Tensor {
  const [m, k] = a.shape.slice(-2) as [number, number]
  const [innerOfB, n] = b.shape.slice(-2) as [number, number]
  if (k !== innerOfB) throw new Error(`matMul: inner sizes differ: [${a.shape}] and [${b.shape}]`)
  const out = backend.makeOutput([...batch, m, n], 'float32')
  const result = tf.engine().makeTensorFromTensorInfo(out)
  if (result.size === 0) return result
  if (k === 0) {
    backend.typedArrayFromHeap(out).fill(0)
    return result
  }
  const multiply = multiplication(backend)
  const matricesOfA = a.size / (m * k)
  const matricesOfB = b.size / (k * n)
  if (matricesOfB === 1) {
    // With one b for all, the matrices of a are additional rows.
    const idOf = (tensor: tf.TensorInfo) => backend.dataIdMap.get(tensor.dataId).id
    multiply(idOf(a), idOf(b), idOf(out), { m: m * matricesOfA, k, n })
    return result
  }
  const [atA, atB, atOut] = [a, b, out].map((tensor) => addressOf(backend, tensor)) as [
    number,
    number,
    number,
  ]
  for (let i = 0; i < matricesOfB; i++) {
    withView(backend, atA + 4 * (matricesOfA === 1 ? 0 : i * m * k), m * k, (viewOfA) => {
      withView(backend, atB + 4 * i * k * n, k * n, (viewOfB) => {
        withView(backend, atOut + 4 * i * m * n, m * n, (viewOfOut) => {
          multiply(viewOfA, viewOfB, viewOfOut, { m, k, n })
        })
      })
    })
  }
  return result
}
