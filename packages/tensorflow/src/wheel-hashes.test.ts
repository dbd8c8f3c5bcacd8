import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TENSORFLOW_VERSION, wheelByPlatform } from './platform.js'
import { pinnedRequirement, verifyWheel } from './wheel-hashes.js'
import { wheelHashes } from './wheels.js'

test.each([
  ['linux', 'x64', false],
  ['linux', 'arm64', false],
  ['darwin', 'arm64', false],
  ['linux', 'x64', true],
])('the wheel of %s on %s (CUDA: %s) is named with its hash', (platform, arch, cuda) => {
  const { distribution, tag } = wheelByPlatform({ platform, arch }, cuda)!
  const name = `${distribution.replace('-', '_')}-${TENSORFLOW_VERSION}-cp311-cp311-${tag}.whl`
  expect(wheelHashes.get(name)).toMatch(/^[0-9a-f]{64}$/)
})

test("the requirements that TensorFlow 2.21.0's wheel names are pinned within their ranges", () => {
  expect(pinnedRequirement('nvidia-cublas-cu12<13.0,>=12.5.3.2')).toMatch(/^nvidia-cublas-cu12==12\.\d+/)
  expect(pinnedRequirement('nvidia-cudnn-cu12<10.0,>=9.3.0.75')).toMatch(/^nvidia-cudnn-cu12==9\.\d+/)
  expect(pinnedRequirement('nvidia-nccl-cu12<3.0,>=2.25.1')).toMatch(/^nvidia-nccl-cu12==2\.\d+/)
  expect(() => pinnedRequirement('nvidia-cublas')).toThrow('names no file')
  expect(() => pinnedRequirement('left-pad>1')).toThrow('names no file')
})

test('a wheel by the name of a pinned one but of other bytes is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selfsup-wheel-'))
  const path = join(folder, [...wheelHashes.keys()][0]!)
  await writeFile(path, 'another wheel')
  await expect(verifyWheel(path)).rejects.toThrow(
    /is damaged or another one: its SHA-256 is [0-9a-f]{64}, and must be/,
  )
  await rm(folder, { recursive: true })
})
