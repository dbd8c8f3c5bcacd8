import * as tf from '@tensorflow/tfjs-core'

/**
 * With one thread, oneDNN's gradient of a strided 1x1 filter writes beyond its buffer if there are fewer channels than a
 * vector register has numbers. The pixels that such a filter sees are selected here, so that TensorFlow computes the
 * gradient of stride 1.
 */
export function selectStridedPixels(backendName: string): void {
  for (const name of ['Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropFilter']) {
    const kernel = tf.getKernel(name, backendName)
    tf.unregisterKernel(name, backendName)
    tf.registerKernel({
      ...kernel,
      kernelFunc(call) {
        const { x, dy } = call.inputs as Record<'x' | 'dy', tf.Tensor4D>
        const { filterShape, strides, dataFormat } = call.attrs as unknown as tf.Conv2DBackpropFilterAttrs
        const [rows, columns, channels] = filterShape
        const [down, right] = typeof strides === 'number' ? [strides, strides] : strides
        if (dataFormat === 'NCHW' || rows * columns > 1 || channels >= 16 || down * right === 1) {
          return kernel.kernelFunc(call)
        }
        // A 1x1 filter has no padding.
        return tf.tidy(() => {
          const seen = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, down, right, 1])
          const attrs = { ...call.attrs, strides: [1, 1], pad: 'valid' }
          return kernel.kernelFunc({ ...call, inputs: { x: seen, dy }, attrs }) as tf.Tensor
        })
      },
    })
  }
}
