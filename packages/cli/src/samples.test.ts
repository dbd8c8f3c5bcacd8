import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeImages } from './samples.js'

test('each kind of pictures becomes a PNG, named after the step', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selfsup-pictures-'))
  const samples = { data: new Uint8Array(2 * 4 * 4 * 3), shape: [2, 4, 4, 3] } as const
  const masks = { data: new Uint8Array(4 * 4), shape: [1, 4, 4, 1] } as const
  await writeImages(join(folder, 'pictures'), { step: 120, samples: { samples, masks } })
  const files = (await readdir(join(folder, 'pictures'))).sort()
  expect(files).toEqual(['masks-00000120.png', 'samples-00000120.png'])
  for (const file of files)
    expect((await readFile(join(folder, 'pictures', file))).subarray(1, 4).toString()).toBe('PNG')
  await rm(folder, { recursive: true })
})
