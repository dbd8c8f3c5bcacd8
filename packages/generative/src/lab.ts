import * as tf from '@tensorflow/tfjs-core'

// sRGB (IEC 61966-2-1) with white D65, to XYZ and from there to CIE 1976 L*a*b*, with the constants of scikit-image.
const TO_XYZ = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
] as const
const FROM_XYZ = [
  [3.240481, -1.537152, -0.498536],
  [-0.969255, 1.87599, 0.041556],
  [0.055647, -0.204041, 1.057311],
] as const
const WHITE = [0.95047, 1, 1.08883] as const

/**
 * Converts sRGB colours to CIE Lab.
 * @param pixels [..., 3], 0..1
 * @returns [..., 3]: lightness L 0..100, a (green to red) and b (blue to yellow), each about -110..110
 */
export function rgbToLab<T extends tf.Tensor>(pixels: T): T {
  return tf.tidy(() => {
    const gamma = tf.pow(tf.div(tf.add(tf.maximum(pixels, 0.04045), 0.055), 1.055), 2.4)
    const linear = tf.where(tf.greater(pixels, 0.04045), gamma, tf.div(pixels, 12.92))
    const relative = tf.mul(colours(linear, TO_XYZ), tf.tensor1d(WHITE.map((white) => 1 / white)))
    const root = tf.pow(tf.maximum(relative, 0.008856), 1 / 3)
    const straight = tf.add(tf.mul(relative, 7.787), 16 / 116)
    const f = tf.where(tf.greater(relative, 0.008856), root, straight)
    const [x, y, z] = tf.split(f, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor]
    const lightness = tf.sub(tf.mul(y, 116), 16)
    return tf.concat([lightness, tf.mul(tf.sub(x, y), 500), tf.mul(tf.sub(y, z), 200)], -1) as T
  })
}

/** Converts one sRGB colour to CIE Lab in JavaScript, with the same result on every engine. */
export function labOfColour(rgb: readonly [number, number, number]): [number, number, number] {
  const linear = rgb.map((v) => (v > 0.04045 ? ((v + 0.055) / 1.055) ** 2.4 : v / 12.92))
  const [x, y, z] = TO_XYZ.map((row, i) => {
    const relative = row.reduce((sum, weight, channel) => sum + weight * linear[channel]!, 0) / WHITE[i]!
    return relative > 0.008856 ? Math.cbrt(relative) : 7.787 * relative + 16 / 116
  }) as [number, number, number]
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

/**
 * Converts CIE Lab colours to sRGB; colours outside of its gamut are clipped.
 * @param lab [..., 3]: L 0..100, a, b
 * @returns [..., 3], 0..1
 */
export function labToRgb<T extends tf.Tensor>(lab: T): T {
  return tf.tidy(() => {
    const [lightness, a, b] = tf.split(lab, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor]
    const y = tf.div(tf.add(lightness, 16), 116)
    const f = tf.concat([tf.add(y, tf.div(a, 500)), y, tf.sub(y, tf.div(b, 200))], -1)
    const straight = tf.div(tf.sub(f, 16 / 116), 7.787)
    const relative = tf.where(tf.greater(f, 0.2068966), tf.mul(tf.square(f), f), straight)
    const linear = colours(tf.mul(relative, tf.tensor1d([...WHITE])), FROM_XYZ)
    const gamma = tf.sub(tf.mul(tf.pow(tf.maximum(linear, 0.0031308), 1 / 2.4), 1.055), 0.055)
    const rgb = tf.where(tf.greater(linear, 0.0031308), gamma, tf.mul(linear, 12.92))
    return tf.clipByValue(rgb, 0, 1) as T
  })
}

/** Multiplies each colour by a matrix. */
function colours(x: tf.Tensor, matrix: readonly (readonly number[])[]): tf.Tensor {
  const columns = tf.transpose(tf.tensor2d(matrix.map((row) => [...row])))
  return tf.reshape(tf.matMul(tf.reshape(x, [-1, 3]), columns), x.shape)
}
