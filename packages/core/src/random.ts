/**
 * Counter-based random numbers on the host, the same stream as the kernels draw on the device:
 * Philox 4x32-10 (Salmon et al. 2011) keyed as TensorFlow's StatelessRandomUniform keys it.
 */

/** Two 32-bit words; what a step gets as an int32 tensor of shape [2]. */
export type Seed = readonly [number, number]

/** One Philox 4x32-10 block: four counter words and two key words to four random words (unsigned). */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: Seed,
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const low0 = Math.imul(c0, 0xd2511f53)
    const high0 = multiplyHigh(c0, 0xd2511f53)
    const low1 = Math.imul(c2, 0xcd9e8d57)
    const high1 = multiplyHigh(c2, 0xcd9e8d57)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0]
}

/** Upper 32 bits of the product of two unsigned 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const cross = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0
}

/**
 * Uniform random numbers in [0, 1), float32-exact: what `kernels`' randomUniform draws for the seed.
 * @param count how many
 */
export function uniforms(seed: Seed, count: number): Float32Array {
  return unitInterval(seed, count).subarray(0, count)
}

/**
 * Normally distributed random numbers: what `kernels`' randomNormal draws for the seed (Box-Muller on pairs,
 * in double precision here).
 * @param count how many
 */
export function normals(seed: Seed, count: number): Float32Array {
  const values = unitInterval(seed, count)
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(Math.max(values[i]!, 1e-7)))
    const angle = 2 * Math.PI * values[i + 1]!
    values[i] = radius * Math.sin(angle)
    values[i + 1] = radius * Math.cos(angle)
  }
  return values.subarray(0, count)
}

/** Whole blocks of four words, as floats in [0, 1): at least `count`. */
function unitInterval(seed: Seed, count: number): Float32Array {
  const [key0, key1, start2, start3] = philox4x32(
    [seed[0], seed[0] < 0 ? -1 : 0, seed[1], seed[1] < 0 ? -1 : 0],
    [0x3ec8f720, 0x02461e29],
  )
  const words = new Uint32Array(Math.ceil(count / 4) * 4)
  for (let block = 0; block * 4 < count; block++) {
    words.set(philox4x32([block, 0, start2, start3], [key0, key1]), block * 4)
  }
  const values = new Float32Array(words.buffer)
  for (let i = 0; i < words.length; i++) {
    words[i] = (words[i]! & 0x7fffff) | 0x3f800000
    values[i] = values[i]! - 1
  }
  return values
}

/** Another stream of the same seed: what `kernels`' foldIn(seed, stream) does on the device. */
export function derive(seed: Seed, stream: number): Seed {
  return [(seed[0] + Math.imul(stream, 0x9e3779b1)) | 0, seed[1]]
}

/** The seed of something numbered (a step, an epoch) within a run. */
export function mixSeed(run: number, purpose: number, number: number): Seed {
  const [word] = philox4x32([run | 0, purpose | 0, 0, 0], [0x5e1f5, 0])
  return [word | 0, number | 0]
}
