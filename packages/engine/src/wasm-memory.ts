import { SelfsupError } from '@selfsup/core'

/** The part of the WebAssembly module that allocates memory for tensors. */
export interface WasmModule {
  /** @returns the address, as a signed 32-bit number; 0 if there is no memory left */
  _malloc(bytes: number): number
  _free(address: number): void
}

/** WebAssembly has 32-bit addresses. The kernels' own buffers need a part of them, and fail without an error if it is missing. */
const MOST_BYTES = 2 ** 32 - 2 ** 28

/**
 * Lets an allocation throw that does not fit into WebAssembly's memory. The backend does not check for it: it would compute with
 * address 0, and a thread could wait forever.
 */
export function checkAllocations(module: WasmModule): void {
  module._free(module._malloc(8)) // the first call replaces the function
  const allocate = module._malloc.bind(module)
  module._malloc = (bytes) => {
    const address = allocate(bytes)
    if (bytes === 0 || (address !== 0 && (address >>> 0) + bytes <= MOST_BYTES)) return address
    if (address !== 0) module._free(address)
    throw new SelfsupError(
      `WebAssembly has no memory left: it can use ${(MOST_BYTES / 1e9).toFixed(1)} GB, and this operation needs ${(bytes / 1e6).toFixed(0)} MB more`,
      {
        code: 'unsupported',
        fix: 'use a smaller batch, smaller images or a smaller network, or the engine tensorflow',
      },
    )
  }
}
