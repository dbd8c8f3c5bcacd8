/**
 * Uniform random numbers from 0 to below 1 (mulberry32 by Tommy Ettinger). The same seed gives the same sequence.
 * @param {number} seed 32-bit integer
 * @returns {() => number} the next number
 */
export function mulberry32(seed) {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
