import * as tf from '@tensorflow/tfjs-core'

/**
 * What a discriminator minimises: cross-entropy of telling real from generated images (Goodfellow et al. 2014,
 * arXiv:1406.2661, equation 1, negated), from logits, so that no probability of 0 meets a logarithm.
 * @param real, generated logits of "real", any shapes
 * @returns scalar, >= 0; 2 log 2 = 1.386 where it can tell nothing
 */
export function discriminatorLoss(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.add(tf.mean(tf.softplus(tf.neg(real))), tf.mean(tf.softplus(generated))))
}

/**
 * What a generator minimises: -log D(G(z)), which unlike log(1 - D(G(z))) has a gradient where the discriminator sees
 * through everything: non-saturating (Goodfellow et al. 2014, section 3).
 * @param generated logits of "real", any shape
 * @returns scalar, >= 0; log 2 = 0.693 where the discriminator can tell nothing
 */
export function generatorLoss(generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.mean(tf.softplus(tf.neg(generated))))
}

/** Part of real and generated images that a discriminator takes for what they are; 0.5 by guessing. */
export function discriminatorAccuracy(real: tf.Tensor, generated: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const right = (is: tf.Tensor) => tf.mean(tf.cast(is, 'float32'))
    return tf.mul(tf.add(right(tf.greater(real, 0)), right(tf.less(generated, 0))), 0.5) as tf.Scalar
  })
}

/**
 * How much generated images differ from one another, as a part of how much real ones do: near 1 when all is well, near 0
 * when the generator makes one image whatever the latents.
 * @param generated, real [batch, ...] of one shape but for the batch
 * @returns scalar: deviation over the batch, root mean square over pixels, divided by that of the real ones
 */
export function sampleSpread(generated: tf.Tensor, real: tf.Tensor): tf.Scalar {
  return tf.tidy(() => {
    const variance = (x: tf.Tensor) => tf.mean(tf.square(tf.sub(x, tf.mean(x, 0, true))))
    return tf.sqrt(tf.div(variance(generated), tf.maximum(variance(real), 1e-12))) as tf.Scalar
  })
}
