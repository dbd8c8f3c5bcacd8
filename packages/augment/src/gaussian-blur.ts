import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Gaussian blur with a separate width for each image and reflection at the border, as torchvision's `gaussian_blur`. It is
 * separable: one batched matrix product per axis.
 * @param images [batch, height, width, channels]
 * @param sigma [batch], standard deviation in pixels; 0 leaves an image unchanged
 * @param kernelSize size of the kernel in pixels, odd
 * @throws SelfsupError when the kernel is even or reaches beyond the reflected image
 */
export function gaussianBlur(images: tf.Tensor4D, sigma: tf.Tensor1D, kernelSize: number): tf.Tensor4D {
  const [batch, height, width, channels] = images.shape
  expected(
    kernelSize % 2 === 1 && kernelSize < 2 * Math.min(height, width),
    `gaussianBlur: kernelSize must be odd and below ${2 * Math.min(height, width)} for images of ${height}x${width}; got ${kernelSize}`,
  )
  return tf.tidy(() => {
    const rows = blurMatrix(sigma, height, kernelSize)
    const columns = width === height ? rows : blurMatrix(sigma, width, kernelSize)
    const vertical = tf.matMul(rows, tf.reshape(images, [batch, height, width * channels]))
    const onSide = tf.transpose(tf.reshape(vertical, [batch, height, width, channels]), [0, 2, 1, 3])
    const both = tf.matMul(columns, tf.reshape(onSide, [batch, width, height * channels]))
    return tf.transpose(tf.reshape(both, [batch, width, height, channels]), [0, 2, 1, 3])
  })
}

/** [batch, length, length]: row i contains the weights of all pixels in pixel i of the result. */
function blurMatrix(sigma: tf.Tensor1D, length: number, kernelSize: number): tf.Tensor3D {
  const reach = (kernelSize - 1) / 2
  // exp(-d^2 / 2 sigma^2) for d = -reach..reach, with sum 1; for a sigma of 0 only the middle tap remains.
  const offsets = tf.range(-reach, reach + 1)
  const spread = tf.maximum(tf.reshape(sigma, [-1, 1]), 1e-3)
  const taps = tf.softmax(tf.neg(tf.div(tf.square(offsets), tf.mul(2, tf.square(spread)))))
  return tf.reshape(tf.matMul(taps as tf.Tensor2D, placement(length, reach)), [-1, length, length])
}

/**
 * [kernelSize, length * length]: 1 if a tap of pixel i's kernel falls on pixel j, reflected at the border. Computed on the
 * device, because for large images it would be too large to transfer in each step.
 */
function placement(length: number, reach: number): tf.Tensor2D {
  const taps = 2 * reach + 1
  const pixel = tf.abs(tf.add(tf.reshape(tf.range(-reach, reach + 1), [taps, 1]), tf.range(0, length)))
  const reflected = tf.minimum(pixel, tf.sub(2 * (length - 1), pixel))
  return tf.reshape(tf.cast(tf.oneHot(tf.cast(reflected, 'int32'), length), 'float32'), [taps, -1])
}
