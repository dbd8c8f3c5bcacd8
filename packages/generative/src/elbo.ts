import * as tf from '@tensorflow/tfjs-core'

/**
 * Kullback-Leibler divergence of normal distributions, each unit for itself, from the standard one, in nats (Kingma &
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
 * Negative log likelihood of pixels under Bernoulli distributions, in nats: cross-entropy, which for pixels between 0 and 1
 * takes them for probabilities (Kingma & Welling 2014, appendix C.1).
 * @param pixels [batch, ...], 0..1
 * @param logits of the same shape
 * @returns [batch], >= 0, summed over all else
 */
export function bernoulliCost(pixels: tf.Tensor, logits: tf.Tensor): tf.Tensor1D {
  // -x log s(l) - (1 - x) log(1 - s(l)) = softplus(l) - x l
  return tf.tidy(() => perImage(tf.sub(tf.softplus(logits), tf.mul(pixels, logits))))
}

/**
 * Negative log density of pixels under normal distributions, in nats (Kingma & Welling 2014, appendix C.2, of one
 * deviation for all); of continuous values, so that it may be below 0.
 * @param pixels, mean [batch, ...] of one shape
 * @param deviation standard deviation of each pixel
 * @returns [batch], summed over all else
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
