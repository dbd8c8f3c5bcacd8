/**
 * Counter-based random numbers on the host, identical to those of the kernels on the device:
 * Philox 4x32-10 (Salmon et al. 2011), with the key that TensorFlow's StatelessRandomUniform uses.
 */

/** Two 32-bit words; a step receives them as an int32 tensor of shape [2]. */
export type Seed = readonly [number, number]

/** One Philox 4x32-10 block: computes four unsigned random words from four counter words and two key words. */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: Seed,
): [number, number, number, number] {
  const words = new Uint32Array(4)
  philoxInto(words, 0, counter, key)
  return [words[0]!, words[1]!, words[2]!, words[3]!]
}

/** Writes a block's four words into `target` at `at`, without allocations, since a caller may draw millions of blocks. */
function philoxInto(
  target: Uint32Array,
  at: number,
  counter: readonly [number, number, number, number],
  key: Seed,
  block = counter[0],
): void {
  let c0 = block
  let c1 = counter[1]
  let c2 = counter[2]
  let c3 = counter[3]
  let k0 = key[0]
  let k1 = key[1]
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(c0, 0xd251, 0x1f53)
    const high1 = multiplyHigh(c2, 0xcd9e, 0x8d57)
    const low0 = Math.imul(c0, 0xd2511f53)
    const low1 = Math.imul(c2, 0xcd9e8d57)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + 0x9e3779b9) | 0
    k1 = (k1 + 0xbb67ae85) | 0
  }
  target[at] = c0
  target[at + 1] = c1
  target[at + 2] = c2
  target[at + 3] = c3
}

/** Upper 32 bits of the product of two unsigned words; the second is given as two 16-bit halves. */
function multiplyHigh(a: number, high: number, low: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const middle = aHigh * low + ((aLow * low) >>> 16)
  const cross = aLow * high + (middle & 0xffff)
  return (aHigh * high + (middle >>> 16) + (cross >>> 16)) | 0
}

/**
 * Uniform random numbers in [0, 1): exactly the float32 values that randomUniform of @selfsup/kernels draws for the seed.
 * @param count number of values
 */
export function uniforms(seed: Seed, count: number): Float32Array {
  return unitInterval(seed, count).subarray(0, count)
}

/**
 * Normally distributed random numbers, as randomNormal of @selfsup/kernels draws them for the seed (Box-Muller on pairs;
 * computed in double precision here).
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
  const key: Seed = [key0, key1]
  const counter = [0, 0, start2, start3] as const
  const words = new Uint32Array(Math.ceil(count / 4) * 4)
  for (let block = 0; block * 4 < count; block++) philoxInto(words, block * 4, counter, key, block)
  const values = new Float32Array(words.buffer)
  for (let i = 0; i < words.length; i++) {
    words[i] = (words[i]! & 0x7fffff) | 0x3f800000
    values[i] = values[i]! - 1
  }
  return values
}

/** Offset per stream that is added to each word of a seed. */
export const STREAM_STEPS = [0x9e3779b1, 0x85ebca77] as const

/** Factors of the words before each is added to the other. One is odd and one even, which keeps the map invertible. */
export const WORD_FACTORS = [0x27d4eb2f, 0x165667b2] as const

/**
 * Derives an independent stream from a seed, as foldIn(seed, stream) of @selfsup/kernels does on the device. Streams can be
 * nested to any depth: derive(derive(s, 1), 2) is unrelated to derive(s, 3) and derive(derive(s, 2), 1).
 *
 * Each word is shifted by the stream's offset and mapped through x(2x + 1), which is a bijection modulo 2^32 (RC6: Rivest et
 * al. 1998). Then each word is multiplied by a factor and the other word is added. This uses only integer sums and products,
 * which every engine computes exactly.
 */
export function derive(seed: Seed, stream: number): Seed {
  const [a, b] = [0, 1].map((word) => {
    const moved = (seed[word]! + Math.imul(stream + 1, STREAM_STEPS[word]!)) | 0
    return Math.imul(moved, 2 * moved + 1)
  }) as [number, number]
  return [(Math.imul(a, WORD_FACTORS[0]) + b) | 0, (Math.imul(b, WORD_FACTORS[1]) + a) | 0]
}

/** The seed of a numbered item of a run, such as a step or an epoch. */
export function mixSeed(run: number, purpose: number, number: number): Seed {
  const [word] = philox4x32([run | 0, purpose | 0, 0, 0], [0x5e1f5, 0])
  return [word | 0, number | 0]
}
