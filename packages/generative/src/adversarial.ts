import * as tf from '@tensorflow/tfjs-core'

/**
 * Loss of the discriminator: cross-entropy of classifying real and generated images (Goodfellow et al. 2014,
 * arXiv:1406.2661, equation 1, negated). Computed from logits, which avoids the logarithm of 0.
 * @param real, generated logits of "real", any shapes
 * @returns scalar, >= 0; 2 log 2 = 1.386 if all logits are 0
 */
export function discriminatorLoss(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.add(tf.mean(tf.softplus(tf.neg(real))), tf.mean(tf.softplus(generated))))
}

/**
 * Non-saturating loss of the generator: -log D(G(z)), which unlike log(1 - D(G(z))) has a gradient even if the
 * discriminator rejects every image (Goodfellow et al. 2014, section 3).
 * @param generated logits of "real", any shape
 * @returns scalar, >= 0; log 2 = 0.693 if all logits are 0
 */
export function generatorLoss(generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.mean(tf.softplus(tf.neg(generated))))
}

/** Fraction of real and generated images that a discriminator classifies correctly; 0.5 for guessing. */
export function discriminatorAccuracy(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const right = (is: tf.Tensor) => tf.mean(tf.cast(is, 'float32'))
    return tf.mul(tf.add(right(tf.greater(real, 0)), right(tf.less(generated, 0))), 0.5) as tf.Scalar
  })
}

/**
 * Variation of generated images relative to real ones: near 1 in successful training, near 0 if the generator creates the
 * same image for all latents.
 * @param generated, real [batch, ...]; only the batch sizes can differ
 * @returns scalar: standard deviation over the batch (root mean square over pixels), divided by that of the real images
 */
export function sampleSpread(generated: tf.Tensor, real: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const variance = (x: tf.Tensor) => tf.mean(tf.square(tf.sub(x, tf.mean(x, 0, true))))
    return tf.sqrt(tf.div(variance(generated), tf.maximum(variance(real), 1e-12))) as tf.Scalar
  })
}
