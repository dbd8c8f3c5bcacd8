import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mulberry32 } from '../random/mulberry32.mjs'

const SIZE = 48
/** Mean reflectance of each band. */
const REFLECTANCE = [1500, 2000, 2500, 3500, 3000]
const BANDS = REFLECTANCE.length
const counts = { train: 200, validation: 50, test: 250 }
const textures = ['rows', 'columns', 'blobs', 'checks']

/**
 * Writes 16-bit TIFFs of 5 bands, train/CLASS/, validation/CLASS/ and test/CLASS/, with reflectances up to 10,000 as satellites' tiles
 * have. A class is a texture and whether the last two bands, like near infrared over fields, rise or fall with the first three.
 *
 * Bands are calibrated, as in products of satellites. Tiles differ in light, which multiplies all bands, in haze, which is added to
 * all, in the scale of the texture and in its place: these are what crops and changes of brightness and contrast imitate.
 * @param {string} folder
 */
export function writeBandTiles(folder) {
  const random = mulberry32(7)
  for (const [split, count] of Object.entries(counts))
    for (const texture of textures)
      for (const sign of [1, -1]) {
        const into = join(folder, split, `${texture}-${sign > 0 ? 'rising' : 'falling'}`)
        mkdirSync(into, { recursive: true })
        for (let i = 0; i < count; i++)
          writeFileSync(join(into, `${String(i).padStart(3, '0')}.tif`), tiff(tile(texture, sign, random)))
      }
}

/**
 * @param {string} texture
 * @param {number} sign
 * @param {() => number} random
 */
function tile(texture, sign, random) {
  const pattern = patternOf(texture, random)
  const light = 0.4 + 1.2 * random()
  const haze = 2000 * random()
  const values = new Uint16Array(SIZE * SIZE * BANDS)
  for (let y = 0; y < SIZE; y++)
    for (let x = 0; x < SIZE; x++) {
      const value = pattern(x, y)
      for (const [band, base] of REFLECTANCE.entries()) {
        const signed = band < 3 ? value : sign * value
        const noise = (random() + random() + random() - 1.5) * 600
        const sum = light * base * (1 + 0.3 * signed) + haze + noise
        values[(y * SIZE + x) * BANDS + band] = Math.max(0, Math.min(10_000, sum))
      }
    }
  return values
}

/**
 * A pattern from -1 to 1.
 * @param {string} texture
 * @param {() => number} random
 * @returns {(x: number, y: number) => number}
 */
function patternOf(texture, random) {
  const period = 6 + 6 * random()
  const [a, b] = [random() * 2 * Math.PI, random() * 2 * Math.PI]
  const wave = (/** @type {number} */ at, /** @type {number} */ phase) =>
    Math.sin((2 * Math.PI * at) / period + phase)
  if (texture === 'rows') return (_, y) => wave(y, a)
  if (texture === 'columns') return (x) => wave(x, a)
  if (texture === 'checks') return (x, y) => Math.sign(wave(x, a) * wave(y, b))
  const spots = Array.from(
    { length: 14 },
    () => /** @type {const} */ ([random() * SIZE, random() * SIZE, 3 + 9 * random()]),
  )
  return (x, y) =>
    Math.min(
      1,
      spots.reduce(
        (sum, [left, top, area]) => sum + 2 * Math.exp(-((x - left) ** 2 + (y - top) ** 2) / area),
        -1,
      ),
    )
}

/**
 * An uncompressed TIFF of one strip.
 * @param {Uint16Array} values
 */
function tiff(values) {
  const bits = Array(BANDS).fill(16)
  /** @type {[tag: number, type: number, numbers: number[]][]} */
  const entries = [
    [256, 4, [SIZE]],
    [257, 4, [SIZE]],
    [258, 3, bits],
    [259, 3, [1]],
    [262, 3, [1]],
    [273, 4, [0]],
    [277, 3, [BANDS]],
    [278, 4, [SIZE]],
    [279, 4, [values.byteLength]],
    [338, 3, Array(BANDS - 1).fill(0)],
  ]
  const tailAt = 10 + entries.length * 12 + 4
  const head = Buffer.alloc(tailAt + 2 * BANDS + 2 * (BANDS - 1))
  head.write('II*\0', 'latin1')
  head.writeUInt32LE(8, 4)
  head.writeUInt16LE(entries.length, 8)
  let tail = tailAt
  for (const [i, [tag, type, numbers]] of entries.entries()) {
    const at = 10 + i * 12
    head.writeUInt16LE(tag, at)
    head.writeUInt16LE(type, at + 2)
    head.writeUInt32LE(numbers.length, at + 4)
    if (tag === 273) head.writeUInt32LE(head.length, at + 8)
    else if (type === 4) head.writeUInt32LE(numbers[0] ?? 0, at + 8)
    else if (numbers.length === 1) head.writeUInt16LE(numbers[0] ?? 0, at + 8)
    else {
      head.writeUInt32LE(tail, at + 8)
      for (const number of numbers) tail = head.writeUInt16LE(number, tail)
    }
  }
  return Buffer.concat([head, Buffer.from(values.buffer)])
}
