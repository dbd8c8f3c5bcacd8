import * as tf from '@tensorflow/tfjs-core'
import { attributes, NATIVE, type NativeBackend } from './native.js'

// TensorFlow has an operation for `tf.image.transform`, but tfjs-node has no kernel for it.
tf.registerKernel({
  kernelName: tf.Transform,
  backendName: NATIVE,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const device = backend as NativeBackend
    const { image, transforms } = inputs as { image: tf.Tensor4D; transforms: tf.Tensor2D }
    const { interpolation, fillMode, fillValue, outputShape } = attrs as unknown as tf.TransformAttrs
    const size = tf.tensor1d(outputShape ?? image.shape.slice(1, 3), 'int32')
    const fill = tf.scalar(fillValue)
    const [transformed] = device.executeMultipleOutputs(
      'ImageProjectiveTransformV3',
      attributes(device, {
        dtype: { type: 'float32' },
        interpolation: { string: interpolation.toUpperCase() },
        fill_mode: { string: fillMode.toUpperCase() },
      }),
      [image, transforms, size, fill],
      1,
    )
    tf.dispose([size, fill])
    return transformed!
  },
})
