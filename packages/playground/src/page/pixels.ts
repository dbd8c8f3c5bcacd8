/** The pixels of the images on the page: [count, size, size, 3]. */
let pixels = new Uint8Array(0)
let side = 0

/** Adds the pixels of images from a position on. The first call makes room for all images. */
export function addPixels(start: number, count: number, size: number, data: Uint8Array): void {
  const bytes = size * size * 3
  if (start === 0) pixels = new Uint8Array(count * bytes)
  side = size
  pixels.set(data, start * bytes)
}

/** Draws an image on a canvas of its own size. */
export function drawImage(canvas: HTMLCanvasElement, index: number): void {
  const bytes = side * side * 3
  const from = index * bytes
  if (side === 0 || from + bytes > pixels.length) return
  canvas.width = side
  canvas.height = side
  const context = canvas.getContext('2d', { alpha: false })!
  const image = context.createImageData(side, side)
  const { data } = image
  for (let at = from, to = 0; to < data.length; to += 4) {
    data[to] = pixels[at++]!
    data[to + 1] = pixels[at++]!
    data[to + 2] = pixels[at++]!
    data[to + 3] = 255
  }
  context.putImageData(image, 0, 0)
}
