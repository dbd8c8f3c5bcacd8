import * as tf from '@tensorflow/tfjs-core'

/**
 * Kullback-Leibler divergence of independent normal distributions from the standard normal distribution, in nats (Kingma &
 * Welling 2014, arXiv:1312.6114, appendix B).
 * @param mean, logVariance [batch, units]
 * @returns [batch], >= 0
 */
export function gaussianDivergence(mean: tf.Tensor2D, logVariance: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const each = tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), tf.add(logVariance, 1))
    return tf.mul(tf.sum(each, 1), 0.5)
  })
}

/**
 * Negative log likelihood of pixels under Bernoulli distributions, in nats. Pixels between 0 and 1 are taken as
 * probabilities, which gives the cross-entropy (Kingma & Welling 2014, appendix C.1).
 * @param pixels [batch, ...], 0..1
 * @param logits of the same shape
 * @returns [batch], >= 0, summed over all other dimensions
 */
export function bernoulliCost(pixels: tf.Tensor, logits: tf.Tensor): tf.Tensor1D {
  // -x log s(l) - (1 - x) log(1 - s(l)) = softplus(l) - x l
  return tf.tidy(() => perImage(tf.sub(tf.softplus(logits), tf.mul(pixels, logits))))
}

/**
 * Negative log density of pixels under normal distributions with the same deviation, in nats (Kingma & Welling 2014,
 * appendix C.2). A density can exceed 1, so the result can be negative.
 * @param pixels, mean [batch, ...] of the same shape
 * @param deviation standard deviation of each pixel
 * @returns [batch], summed over all other dimensions
 */
export function gaussianCost(pixels: tf.Tensor, mean: tf.Tensor, deviation: number): tf.Tensor1D {
  const constant = Math.log(deviation) + 0.5 * Math.log(2 * Math.PI)
  return tf.tidy(() => {
    const distance = tf.mul(tf.square(tf.sub(pixels, mean)), 0.5 / deviation ** 2)
    return perImage(tf.add(distance, constant))
  })
}

function perImage(values: tf.Tensor): tf.Tensor1D {
  return tf.sum(tf.reshape(values, [values.shape[0]!, -1]), 1)
}
