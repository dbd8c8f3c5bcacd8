import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeSamples } from './samples.js'

test('writes one PNG per kind of samples, named after the step', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selfsup-samples-'))
  const samples = { data: new Uint8Array(2 * 4 * 4 * 3), shape: [2, 4, 4, 3] } as const
  const masks = { data: new Uint8Array(4 * 4), shape: [1, 4, 4, 1] } as const
  await writeSamples(join(folder, 'sheets'), { step: 120, samples: { samples, masks } })
  const files = (await readdir(join(folder, 'sheets'))).sort()
  expect(files).toEqual(['masks-00000120.png', 'samples-00000120.png'])
  for (const file of files)
    expect((await readFile(join(folder, 'sheets', file))).subarray(1, 4).toString()).toBe('PNG')
  await rm(folder, { recursive: true })
})
