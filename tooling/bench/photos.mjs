import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { mulberry32 } from '../random/mulberry32.mjs'

/**
 * Sizes of photos, from phones and the web.
 * @type {readonly (readonly [number, number])[]}
 */
const sizes = [
  [4000, 3000],
  [3000, 4000],
  [1920, 1080],
  [1600, 1200],
  [1024, 768],
  [640, 480],
]

/**
 * Writes photo-like JPEGs to a folder, unless it has them: large smooth areas, medium detail and sensor noise, in mixed sizes up to
 * 4000 x 3000. The same number gives the same images.
 * @param {string} folder
 * @param {number} count
 */
export async function writePhotos(folder, count) {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length === count) return
  for (let number = 0; number < count; number++) {
    const next = mulberry32(number + 1)
    const [width, height] = sizes[number % sizes.length] ?? [640, 480]
    /**
     * @param {number} columns
     * @param {number} rows
     * @param {number} spread
     */
    const layer = (columns, rows, spread) => {
      const data = Buffer.from(
        Array.from({ length: columns * rows * 3 }, () => Math.round(128 + spread * (next() - 0.5))),
      )
      return sharp(data, { raw: { width: columns, height: rows, channels: 3 } })
        .resize(width, height, { kernel: 'cubic', fit: 'fill' })
        .raw()
        .toBuffer()
    }
    const raw = { width, height, channels: /** @type {const} */ (3) }
    const areas = await layer(4 + Math.floor(5 * next()), 3 + Math.floor(4 * next()), 250)
    const detail = await layer(160, 120, 120)
    await sharp(areas, { raw })
      .composite([{ input: detail, raw, blend: 'overlay' }])
      .jpeg({ quality: 85 })
      .toFile(join(folder, `photo-${String(number).padStart(4, '0')}.jpg`))
  }
}
