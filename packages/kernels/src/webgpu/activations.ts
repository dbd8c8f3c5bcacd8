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
  Log1p: 'select(log(1.0 + v), nan, v < -1.0)',
  Sigmoid: '1.0 / (1.0 + exp(-v))',
  Sin: 'sine(v)',
  Cos: 'cosine(v)',
  Tan: 'sine(v) / cosine(v)',
  Asinh: 'asinh(v)',
  Acosh: 'select(acosh(v), nan, v < 1.0)',
  Atanh: 'select(atanh(v), nan, abs(v) > 1.0)',
}
const ANGLES = ['Sin', 'Cos', 'Tan']

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
      if (size === 0 || staysOnHost(kernelName, backend, x!)) return undefined
      const out = backend.makeTensorInfo(x!.shape, 'float32')
      const body = `let v = f32(x[i]);
  let nan = bitcast<f32>(0x7fc00000u + min(i, 0u));
  y[i] = select(${value}, nan, (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u);`
      dispatch(backend, {
        name: kernelName,
        tensors: [x!, out],
        ...elementwise(
          { x: storedType(backend, x!), y: '=f32' },
          size,
          body,
          ANGLES.includes(kernelName) ? ofRadians : '',
        ),
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
