import type { HostImages } from './dataset.js'

/** Images as a screen shows them: grey and colours unchanged, of other channels the first three, or the first of two. */
export function displayedImages(images: HostImages): HostImages {
  const { data, shape } = images
  const [count, height, width, channels] = shape
  if (channels === 1 || channels === 3) return images
  const kept = channels === 2 ? 1 : 3
  const pixels = new Uint8Array(count * height * width * kept)
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[Math.floor(i / kept) * channels + (i % kept)]!
  return { data: pixels, shape: [count, height, width, kept] }
}
