import type { PickedFile, Problem } from '../messages.js'

/** Images as bytes: [count, size, size, 3], 0..255. */
export interface Decoded {
  readonly pixels: Uint8Array
  readonly size: number
  readonly paths: readonly string[]
  /** width and height of each image before it was cut */
  readonly sizes: readonly (readonly [number, number])[]
  readonly skipped: readonly { readonly path: string; readonly reason: string }[]
}

/** More images than this are a random sample: their pixels would not fit into a page's memory. */
export const MOST_IMAGES = 20_000
/** More images than this are kept with smaller sides. */
const MANY = 4000
const AT_A_TIME = 4

const IMAGE_NAME = /\.(jpe?g|png|webp|gif|bmp|avif|ico|svg|heic|heif|tiff?)$/i

/** Files that are images by their type or name; hidden ones are left out. */
export function imageFiles(files: readonly PickedFile[]): PickedFile[] {
  return files.filter(
    ({ path, file }) =>
      !path.split('/').some((part) => part.startsWith('.')) &&
      (file.type.startsWith('image/') || IMAGE_NAME.test(path)),
  )
}

/** Why nothing can be learned from the chosen files; undefined if they may do. */
export function problemOfFiles(
  files: readonly PickedFile[],
  images: readonly PickedFile[],
): Problem | undefined {
  if (files.length === 0) return { message: 'The folder is empty.', fix: 'Choose a folder with images.' }
  if (images.length > 0) return undefined
  const names = files.slice(0, 3).map(({ path }) => path)
  return {
    message: `There are no images among ${files.length === 1 ? 'the one file' : `the ${files.length} files`} (${names.join(', ')}${files.length > 3 ? ', …' : ''}).`,
    fix: 'Choose a folder with JPEG, PNG, WebP, AVIF or GIF files.',
  }
}

/** Decodes the central square of each image, several at a time. Files that the browser cannot read are skipped. */
export async function decode(
  files: readonly PickedFile[],
  onProgress: (done: number, total: number) => void,
): Promise<Decoded> {
  const size = files.length > MANY ? 32 : 64
  const bytes = size * size * 3
  const canvas = new OffscreenCanvas(size, size)
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false })!
  context.imageSmoothingQuality = 'high'
  const all = new Uint8Array(files.length * bytes)
  const found: ([number, number] | { reason: string })[] = []
  let next = 0
  let done = 0
  const work = async () => {
    while (next < files.length) {
      const at = next++
      try {
        const bitmap = await createImageBitmap(files[at]!.file)
        const { width, height } = bitmap
        const side = Math.min(width, height)
        context.fillStyle = '#fff' // behind transparent pixels
        context.fillRect(0, 0, size, size)
        context.drawImage(bitmap, (width - side) / 2, (height - side) / 2, side, side, 0, 0, size, size)
        bitmap.close()
        const { data } = context.getImageData(0, 0, size, size)
        for (let from = 0, to = at * bytes; from < data.length; from += 4) {
          all[to++] = data[from]!
          all[to++] = data[from + 1]!
          all[to++] = data[from + 2]!
        }
        found[at] = [width, height]
      } catch {
        found[at] = { reason: 'this browser cannot read it' }
      }
      onProgress(++done, files.length)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  const kept = [...files.keys()].filter((at) => Array.isArray(found[at]))
  for (const [to, from] of kept.entries())
    if (to < from) all.copyWithin(to * bytes, from * bytes, (from + 1) * bytes)
  return {
    pixels: all.subarray(0, kept.length * bytes),
    size,
    paths: kept.map((at) => files[at]!.path),
    sizes: kept.map((at) => found[at] as [number, number]),
    skipped: [...files.keys()].flatMap((at) => {
      const result = found[at]!
      return Array.isArray(result) ? [] : [{ path: files[at]!.path, reason: result.reason }]
    }),
  }
}

/** Decodes one image for a search. @throws if the browser cannot read it */
export async function decodeOne(file: File, size: number): Promise<Uint8Array | undefined> {
  const { pixels, paths } = await decode([{ path: file.name, file }], () => {})
  if (paths.length === 0) return undefined
  if (size === 64) return pixels
  // Smaller sides: the mean of 2 x 2 pixels.
  const small = new Uint8Array(size * size * 3)
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < 3; c++) {
        const at = (row: number, column: number) => pixels[(row * 64 + column) * 3 + c]!
        const sum = at(2 * y, 2 * x) + at(2 * y, 2 * x + 1) + at(2 * y + 1, 2 * x) + at(2 * y + 1, 2 * x + 1)
        small[(y * size + x) * 3 + c] = sum / 4
      }
  return small
}
