import { join } from 'node:path'
import type { Resampling } from '@selfsup/core'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import cases from './fixtures/resample.json' with { type: 'json' }
import { resample } from './resample.js'
import { streamImages } from './stream-images.js'

/** Pixels as in the Python script. */
function pixels(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) =>
    Math.floor((Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1) * 256),
  )
}

test.each(cases)(
  'bytes equal PIL’s: $width x $height x $channels to $size, $resampling.interpolation',
  ({ width, height, channels, size, resampling, bytes }) => {
    const data = pixels(width * height * channels)
    expect([...resample({ data, width, height }, size, channels, resampling as Resampling)]).toEqual(bytes)
  },
)

test('a stream of files resamples like that', async () => {
  const [{ width, height, size, resampling, bytes }] = cases as unknown as [(typeof cases)[0]]
  const path = join(temporaryFolder(), 'a.png')
  await sharp(pixels(width * height * 3), { raw: { width, height, channels: 3 } }).toFile(path)
  const dataset = await streamImages([path], { channels: 3 })
  for await (const { images } of dataset.batches({
    batchSize: 1,
    size,
    resampling: resampling as Resampling,
  }))
    expect([...images!.data]).toEqual(bytes)
  await dataset.close()
})
