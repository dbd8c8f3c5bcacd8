/** Rotations of queries and keys, each [tokens, width] in row order. */
export interface Rotation {
  readonly cos: Float32Array
  /** the sine with the sign with which it multiplies the other half: negative in the first half of the width */
  readonly sin: Float32Array
}

/** Base of DINOv3's wavelengths. */
const BASE = 100

/**
 * Rotary positions of a square grid of patches, as in DINOv3 (Siméoni et al. 2025, arXiv:2508.10104; rotary embeddings: Su et al. 2021,
 * arXiv:2104.09864). The centres of the patches have coordinates from -1 to 1; the vertical and the horizontal one turn a quarter
 * of the width each, with width / 4 wavelengths. The learned tokens before the patches are not rotated.
 * @param learned number of learned tokens
 * @param side patches along each side
 * @param width of a head; a multiple of 4
 */
export function rotaryPositions(learned: number, side: number, width: number): Rotation {
  const tokens = learned + side * side
  const cos = new Float32Array(tokens * width).fill(1)
  const sin = new Float32Array(tokens * width)
  const [half, quarter] = [width / 2, width / 4]
  for (let patch = 0; patch < side * side; patch++) {
    const places = [Math.floor(patch / side), patch % side].map((at) => (2 * (at + 0.5)) / side - 1)
    for (let i = 0; i < half; i++) {
      const angle = (2 * Math.PI * places[Math.floor(i / quarter)]!) / BASE ** ((i % quarter) / quarter)
      const at = (learned + patch) * width + i
      cos[at] = cos[at + half] = Math.cos(angle)
      sin[at] = -Math.sin(angle)
      sin[at + half] = Math.sin(angle)
    }
  }
  return { cos, sin }
}
