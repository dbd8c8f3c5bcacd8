import { expected, type Normalisation } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { attributes, NATIVE, type NativeBackend } from './native.js'
import { type ViewPasses, viewsOnWebgpu } from './webgpu/views.js'
import { onWebgpu, WEBGPU, type WebgpuBackend } from './webgpu/webgpu-backend.js'

/**
 * The augmentations of each view, applied in this order. Each tensor is [views]; omitted augmentations are not applied.
 * The source of view i is image i modulo batch.
 */
export interface ViewParameters {
  /** the box to crop, in whole pixels; default the whole image */
  readonly box?: Readonly<Record<'top' | 'left' | 'height' | 'width', tf.Tensor1D>>
  /** 1 to swap left and right, otherwise 0 */
  readonly mirrored?: tf.Tensor1D
  /** 1 to swap top and bottom, otherwise 0 */
  readonly upsideDown?: tf.Tensor1D
  /** quarter turns counter-clockwise, 0 to 3 */
  readonly quarters?: tf.Tensor1D
  /** colour jitter: factors, rotation of the hue in turns, and the position of each in the sequence, int32 [views, 4] */
  readonly jitter?: Readonly<Record<'brightness' | 'contrast' | 'saturation' | 'hue', tf.Tensor1D>> & {
    readonly places: tf.Tensor2D
  }
  /** factors of the brightness and contrast of each band, [views, channels]; not for 1 or 3 channels */
  readonly bands?: Readonly<Record<'brightness' | 'contrast', tf.Tensor2D>>
  /** 1 to convert the view to greyscale, otherwise 0 */
  readonly grey?: tf.Tensor1D
  /** standard deviation of the Gaussian blur in pixels; 0 for no blur */
  readonly sigma?: tf.Tensor1D
  /** 1 to solarise (invert bright pixels), otherwise 0 */
  readonly solarised?: tf.Tensor1D
}

/** Settings that all views share. */
export interface ViewSettings {
  /** side of the views in pixels */
  readonly size: number
  readonly normalisation: Normalisation
  /** kernel size of the blur */
  readonly kernelSize?: number
  /** minimum brightness of pixels that solarising inverts, 0..1 */
  readonly threshold?: number
}

const KERNEL = 'SelfsupViews'

/**
 * Whether the current engine has kernels for views: native TensorFlow with Selfsup's addon, and WebGPU. They are for images of 1 or 3
 * channels.
 */
export function canFuseViews(channels = 3): boolean {
  if (channels !== 1 && channels !== 3) return false
  if (onWebgpu()) return true
  return (
    tf.getBackend() === NATIVE && (tf.backend() as NativeBackend & tf.KernelBackend).fused?.views === true
  )
}

/**
 * Computes views of images in one pass over each: crop, resize (bilinear, antialiased), flips, quarter turns, colour
 * jitter, greyscale, blur, solarise, normalise. Requires `canFuseViews`. Each equals @selfsup/augment's composition of
 * TensorFlow.js operations. Not differentiable.
 * @param sources the images of each set of views: [batch, height, width, 1 or 3] each, 0..255
 * @param parameters parameters of the batch views of each source, one source after the other
 * @returns float32 [batch, size, size, channels] for each source
 * @throws SelfsupError if the number of channels differs from the normalisation's
 */
export function fusedViews(
  sources: readonly tf.Tensor4D[],
  parameters: ViewParameters,
  { size, normalisation, kernelSize = 0, threshold = 0.5 }: ViewSettings,
): tf.Tensor4D[] {
  const [batch, height, width, channels] = sources[0]!.shape
  const { mean, std } = normalisation
  expected(
    channels === mean.length && channels === std.length,
    `views: the images have ${channels} channels, the normalisation ${mean.length}`,
  )
  return tf.tidy(() => {
    const packed = pack(parameters, batch * sources.length, height, width)
    const means = tf.tensor2d([...mean, ...std.map((s) => 1 / s)], [2, channels])
    return tf.split(packed, sources.length).map((own, i) => {
      const images = sources[i]!.dtype === 'int32' ? sources[i]! : tf.cast(sources[i]!, 'float32')
      const inputs = { images, parameters: own, normalisation: means }
      const { jitter, grey, sigma } = parameters
      const which = { jitter: !!jitter, grey: !!grey, blur: !!sigma && kernelSize > 1 }
      return tf.engine().runKernel(KERNEL, inputs, { size, kernelSize, threshold, ...which }) as tf.Tensor4D
    })
  })
}

/** Packs the parameters in the order of the struct View in packages/tensorflow/src/native/views.h: [views, 18]. */
function pack(parameters: ViewParameters, views: number, height: number, width: number): tf.Tensor2D {
  const { box, jitter } = parameters
  // On WebGPU few numbers stay on the host until all of them are there.
  const all = (value: number) =>
    onWebgpu() ? tf.tensor1d(new Float32Array(views).fill(value)) : tf.fill([views], value)
  const none = all(0)
  const one = all(1)
  const places = jitter ? tf.unstack(tf.cast(jitter.places, 'float32'), 1) : [none, none, none, none]
  return tf.stack(
    [
      box?.top ?? none,
      box?.left ?? none,
      box?.height ?? all(height),
      box?.width ?? all(width),
      parameters.mirrored ?? none,
      parameters.upsideDown ?? none,
      parameters.quarters ?? none,
      jitter?.brightness ?? one,
      jitter?.contrast ?? one,
      jitter?.saturation ?? one,
      jitter?.hue ?? none,
      ...places,
      parameters.grey ?? none,
      parameters.sigma ?? none,
      parameters.solarised ?? none,
    ],
    1,
  ) as tf.Tensor2D
}

tf.registerKernel({
  kernelName: KERNEL,
  backendName: NATIVE,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const device = backend as NativeBackend
    const { size, kernelSize, threshold } = attrs as Record<'size' | 'kernelSize' | 'threshold', number>
    const [views] = device.executeMultipleOutputs(
      KERNEL,
      attributes(device, {
        T: { type: inputs.images!.dtype as 'float32' | 'int32' },
        size: { int: size },
        kernel_size: { int: kernelSize },
        threshold: { float: threshold },
      }),
      [inputs.images!, inputs.parameters!, inputs.normalisation!],
      1,
    )
    return views!
  },
})

tf.registerKernel({
  kernelName: KERNEL,
  backendName: WEBGPU,
  kernelFunc: ({ inputs, attrs, backend }) =>
    viewsOnWebgpu(
      backend as unknown as WebgpuBackend,
      inputs as unknown as Parameters<typeof viewsOnWebgpu>[1],
      attrs as unknown as ViewPasses,
    ),
})
