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
  const words = new Uint32Array(4)
  philoxInto(words, 0, counter, key)
  return [words[0]!, words[1]!, words[2]!, words[3]!]
}

/** Writes a block's four words into `target` at `at`; makes nothing, since millions of blocks may be wanted. */
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

/** Upper 32 bits of the product of two unsigned words, the second given in halves. */
function multiplyHigh(a: number, high: number, low: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const middle = aHigh * low + ((aLow * low) >>> 16)
  const cross = aLow * high + (middle & 0xffff)
  return (aHigh * high + (middle >>> 16) + (cross >>> 16)) | 0
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

/** How far each stream moves a seed's words. */
export const STREAM_STEPS = [0x9e3779b1, 0x85ebca77] as const

/** What the words are multiplied by before each is added to the other; one odd, one even: so that nothing is lost. */
export const WORD_FACTORS = [0x27d4eb2f, 0x165667b2] as const

/**
 * Another stream of the same seed: what `kernels`' foldIn(seed, stream) does on the device. Streams of streams may be
 * taken to any depth: derive(derive(s, 1), 2) has nothing to do with derive(s, 3) or derive(derive(s, 2), 1).
 *
 * Each word is moved by the stream and sent through x(2x + 1), which is one to one modulo 2^32 (RC6: Rivest et al.
 * 1998), then each is multiplied and the other added. Integer sums and products are all it takes, so that every
 * engine does it exactly.
 */
export function derive(seed: Seed, stream: number): Seed {
  const [a, b] = [0, 1].map((word) => {
    const moved = (seed[word]! + Math.imul(stream + 1, STREAM_STEPS[word]!)) | 0
    return Math.imul(moved, 2 * moved + 1)
  }) as [number, number]
  return [(Math.imul(a, WORD_FACTORS[0]) + b) | 0, (Math.imul(b, WORD_FACTORS[1]) + a) | 0]
}

/** The seed of something numbered (a step, an epoch) within a run. */
export function mixSeed(run: number, purpose: number, number: number): Seed {
  const [word] = philox4x32([run | 0, purpose | 0, 0, 0], [0x5e1f5, 0])
  return [word | 0, number | 0]
}
