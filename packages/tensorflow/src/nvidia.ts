import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'

/**
 * The NVIDIA packages that a CUDA wheel requires.
 * @param metadata the wheel's METADATA (core metadata of Python packages, `Requires-Dist`)
 * @returns requirements in pip's format: `nvidia-cublas-cu12<13.0,>=12.5.3.2`
 * @throws SelfsupError if it requires none
 */
export function nvidiaRequirements(metadata: string): string[] {
  const requirements: string[] = []
  for (const line of metadata.split(/\r?\n/)) {
    const [, requirement, condition = ''] = /^Requires-Dist: *(nvidia-[^;]*?) *(?:;(.*))?$/.exec(line) ?? []
    // `nvidia-x (<2,>=1)` is the older syntax.
    if (requirement && /extra *== *['"]and-cuda['"]/.test(condition)) {
      requirements.push(requirement.replace(/[ ()]/g, ''))
    }
  }
  if (requirements.length > 0) return requirements
  throw new SelfsupError('the wheel lists no NVIDIA packages for its extra and-cuda', {
    code: 'install-failed',
    fix: 'install the CPU engine instead, without CUDA',
  })
}

/**
 * Whether TensorFlow needs this file of an NVIDIA wheel: shared libraries, and the tools that XLA compiles with.
 * TensorFlow's libraries look for them next to their own folder, as in Python's site-packages. NVIDIA's libraries look
 * for each other the same way.
 */
export function isNvidiaFile(name: string): boolean {
  return (
    /^nvidia\/\w+\/lib\/[^/]+\.so(\.[\d.]+)?$/.test(name) ||
    /^nvidia\/cuda_nvcc\/bin\/(ptxas|nvlink|fatbinary)$/.test(name) ||
    /^nvidia\/cuda_nvcc\/nvvm\/libdevice\/[^/]+\.bc$/.test(name) ||
    /^nvidia_[^/]+\.dist-info\/(licenses\/)?License\.txt$/.test(name)
  )
}

/** Paths of NVIDIA's shared libraries in an installation. */
export function nvidiaLibraries(root: string): string[] {
  const folder = join(root, 'nvidia')
  return readdirSync(folder).flatMap((name) => {
    const lib = join(folder, name, 'lib')
    return listed(lib)
      .filter((file) => file.includes('.so'))
      .map((file) => join(lib, file))
  })
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return [] // a package without libraries
  }
}
