import * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType } from './dispatch.js'
import { ofRadians } from './elementary-functions.js'
import type { WebgpuBackend, WebgpuKernel } from './webgpu-backend.js'

/**
 * Functions of which the backend's own kernels make numbers of NaNs, so that a run that diverged would not be noticed; and sines,
 * cosines and tangents, which devices compute to 2^-11.
 */
const values: Readonly<Record<string, string>> = {
  Exp: 'exp(v)',
  Log: 'select(log(v), nan, v < 0.0)',
  Log1p: 'select(log_of_1_plus(v), nan, v < -1.0)',
  Sigmoid: '1.0 / (1.0 + exp(-v))',
  Sin: 'sine(v)',
  Cos: 'cosine(v)',
  Tan: 'sine(v) / cosine(v)',
  Relu6: 'clamp(v, 0.0, 6.0)',
  Elu: 'select(exp_minus_1(v), v, v >= 0.0)',
  Selu: '1.0507009873554805 * select(1.6732632423543772 * exp_minus_1(v), v, v >= 0.0)',
  Expm1: 'exp_minus_1(v)',
  Softplus: 'max(v, 0.0) + log_of_1_plus(exp(-abs(v)))',
  Asinh: 'asinh(v)',
  Acosh: 'select(acosh(v), nan, v < 1.0)',
  Atanh: 'select(atanh(v), nan, abs(v) > 1.0)',
}

/** WGSL of what the values above call; near 0 the first terms of the series keep the digits. */
const functions = `${ofRadians}
fn exp_minus_1(x: f32) -> f32 {
  return select(exp(x) - 1.0, x * (1.0 + x * (0.5 + x * (0.16666667 + x * 0.041666667))), abs(x) < 0.05);
}
fn log_of_1_plus(x: f32) -> f32 {
  return select(log(1.0 + x), x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25))), abs(x) < 0.02);
}
`

/** Functions of one value that pass NaNs on. WGSL has no NaN literal, and compilers assume that none occur. */
export const activations: readonly WebgpuKernel[] = [
  ...Object.entries(values).map(([kernelName, value]) => passingNans(kernelName, value)),
  {
    kernelName: 'Softmax',
    run: (_, inputs, attrs) => {
      const { logits } = inputs as unknown as { logits: tf.Tensor }
      const { dim } = attrs as unknown as tf.SoftmaxAttrs
      return tf.tidy(() => {
        const powers = tf.exp(tf.sub(logits, tf.max(logits, dim, true)))
        return tf.div(powers, tf.sum(powers, dim, true))
      })
    },
  },
]

function passingNans(kernelName: string, value: string): WebgpuKernel {
  return {
    kernelName,
    run: (backend, { x }) => {
      const size = tf.util.sizeFromShape(x!.shape)
      const integers = kernelName === 'Relu6' && x!.dtype === 'int32' // which stay integers, and are never NaN
      if (size === 0 || integers || x!.dtype === 'complex64' || staysOnHost(kernelName, backend, x!))
        return undefined
      const out = backend.makeTensorInfo(x!.shape, 'float32')
      const body = `let v = f32(x[i]);
  let nan = bitcast<f32>(0x7fc00000u + min(i, 0u));
  y[i] = select(${value}, nan, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u);`
      dispatch(backend, {
        name: kernelName,
        tensors: [x!, out],
        ...elementwise({ x: storedType(backend, x!), y: '=f32' }, size, body, functions),
      })
      return out
    },
  }
}

/** Whether the backend's own kernel computes these few values on the host, where they are. */
function staysOnHost(kernelName: string, backend: WebgpuBackend, x: tf.TensorInfo): boolean {
  if (kernelName !== 'Exp' && kernelName !== 'Log') return false
  const most = tf.env().getBool('WEBGPU_CPU_FORWARD')
    ? tf.env().getNumber('WEBGPU_CPU_HANDOFF_SIZE_THRESHOLD')
    : 0
  return tf.util.sizeFromShape(x.shape) < most && !backend.tensorMap.get(x.dataId).resource
}
