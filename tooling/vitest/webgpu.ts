import { findEngines } from '@selfsup/engine'

/**
 * Why WebGPU cannot be tested here: a title for what is skipped, or undefined if it can be tested. On Linux a software adapter
 * is enough (Debian's packages libvulkan1 and chromium). SELFSUP_ENGINE with another engine's name skips it too.
 */
export async function missingWebgpu(): Promise<string | undefined> {
  const wanted = process.env.SELFSUP_ENGINE ?? 'auto'
  if (wanted !== 'auto' && wanted !== 'webgpu') return `WebGPU is not tested: SELFSUP_ENGINE is ${wanted}`
  const found = (await findEngines()).find(({ name }) => name === 'webgpu')
  return found?.available ? undefined : `WebGPU is not tested: ${found?.reason}; ${found?.fix}`
}

/** These engines, and WebGPU where it can be tested. */
export async function andWebgpu<Name extends string>(
  engines: readonly Name[],
): Promise<readonly (Name | 'webgpu')[]> {
  return engines.includes('webgpu' as Name) || (await missingWebgpu()) ? engines : [...engines, 'webgpu']
}
