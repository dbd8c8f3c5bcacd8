import { diskStorage } from './disk-storage.js'
import { type OpenSafetensors, openSafetensorsIn } from './open-safetensors-in.js'

/**
 * Opens a safetensors file on disk and reads its header. The caller closes `file`.
 * @param sizes bytes per value of the types that the caller reads
 * @throws SelfsupError if the file is truncated, is not a safetensors file, or has a tensor of another type
 */
export function openSafetensors(
  path: string,
  sizes: Readonly<Record<string, number>>,
): Promise<OpenSafetensors> {
  return openSafetensorsIn(diskStorage, path, sizes)
}
