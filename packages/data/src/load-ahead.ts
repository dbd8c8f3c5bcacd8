import type { EncodedImages } from './encoded-images.js'

/** Maximum number of files, and of bytes, that are requested or wait to be used. */
const MOST_FILES = 64
const MOST_BYTES = 2 ** 26

/** Loads files before they are needed, so that the time that a server takes to answer does not matter. */
export function loadAhead(
  read: (image: number) => Promise<Buffer>,
  sizeOf: (image: number) => number,
  { files = MOST_FILES, bytes = MOST_BYTES } = {},
): Required<Pick<EncodedImages, 'load' | 'prefetch' | 'forget'>> {
  const wanted = new Set<number>() // in the order in which they are needed
  const loading = new Map<number, Promise<Buffer>>()
  let held = 0

  const start = () => {
    for (const image of wanted) {
      if (loading.size >= files || (held > 0 && held + sizeOf(image) > bytes)) return
      wanted.delete(image)
      if (loading.has(image)) continue
      const file = read(image)
      file.catch(() => {}) // awaited by `load`
      loading.set(image, file)
      held += sizeOf(image)
    }
  }
  return {
    async load(image) {
      const file = loading.get(image)
      if (!file) {
        wanted.delete(image)
        return read(image)
      }
      try {
        return await file
      } finally {
        // Its place is free only now, so that no more than the limit is in memory.
        if (loading.get(image) === file) {
          loading.delete(image)
          held -= sizeOf(image)
        }
        start()
      }
    },
    prefetch(images) {
      for (const image of images) wanted.add(image)
      start()
    },
    forget() {
      wanted.clear()
      loading.clear()
      held = 0
    },
  }
}
