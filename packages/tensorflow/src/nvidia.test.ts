import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isNvidiaFile, nvidiaLibraries, nvidiaRequirements } from './nvidia.js'

describe('nvidiaRequirements', () => {
  test("returns the requirements of the extra and-cuda in pip's format", () => {
    const metadata = [
      'Name: tensorflow',
      'Requires-Dist: numpy>=1.26.0',
      'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
      "Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; extra == 'and-cuda'",
      'Requires-Dist: nvidia-other; extra == "other"',
    ].join('\n')
    expect(nvidiaRequirements(metadata)).toEqual([
      'nvidia-cublas-cu12<13.0,>=12.5.3.2',
      'nvidia-nccl-cu12<3.0,>=2.27.7',
    ])
  })

  test('throws if there are none', () => {
    expect(() => nvidiaRequirements('Requires-Dist: numpy')).toThrow(
      /no NVIDIA packages .*; install the CPU engine/,
    )
  })
})

test.each([
  ['nvidia/cublas/lib/libcublas.so.12', true],
  ['nvidia/cudnn/lib/libcudnn_engines_precompiled.so.9', true],
  ['nvidia/cuda_nvcc/bin/ptxas', true],
  ['nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc', true],
  ['nvidia_cublas_cu12-12.9.3.13.dist-info/licenses/License.txt', true],
  ['nvidia/cuda_runtime/lib/libcudart_static.a', false],
  ['nvidia/cublas/include/cublas.h', false],
  ['nvidia/../../x/lib/a.so', false],
])('isNvidiaFile(%s) is %s', (name, is) => {
  expect(isNvidiaFile(name)).toBe(is)
})

test('nvidiaLibraries', () => {
  const root = mkdtempSync(join(tmpdir(), 'selfsup-nvidia-'))
  try {
    mkdirSync(join(root, 'nvidia', 'cublas', 'lib'), { recursive: true })
    mkdirSync(join(root, 'nvidia', 'cuda_nvcc'))
    const library = join(root, 'nvidia', 'cublas', 'lib', 'libcublas.so.12')
    writeFileSync(library, '')
    expect(nvidiaLibraries(root)).toEqual([library])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
