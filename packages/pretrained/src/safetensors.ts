import { openSafetensorsIn, parseExportedNote, type RunStorage } from '@selfsup/run-folder'
import { type NumberTypeName, numberTypes } from './numbers.js'
import type { StoredTensor, WeightFile } from './weight-file.js'

/** Types of values by the names of the format. */
const types: Readonly<Record<string, NumberTypeName>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U8: 'uint8',
  BOOL: 'bool',
}
const sizes = Object.fromEntries(Object.entries(types).map(([code, name]) => [code, numberTypes[name].bytes]))

/**
 * Opens a safetensors file.
 * @param storage where the file is
 * @throws SelfsupError if the file is truncated or damaged, or has a tensor of an unsupported type
 */
export async function openSafetensorsWeights(
  storage: Pick<RunStorage, 'open'>,
  path: string,
): Promise<WeightFile> {
  const { file, metadata, entries, start } = await openSafetensorsIn(storage, path, sizes)
  const tensors = new Map<string, StoredTensor>()
  for (const [name, { dtype: code, shape, data_offsets: span }] of entries) {
    const dtype = types[code]!
    tensors.set(name, {
      shape,
      dtype,
      async read() {
        const data = new Uint8Array(span[1] - span[0])
        await file.read(data, start + span[0], `${path} ends within tensor '${name}'`)
        return numberTypes[dtype].toFloat32(data)
      },
    })
  }
  const exported = parseExportedNote(metadata)
  return { path, format: 'safetensors', ...(exported && { exported }), tensors, close: () => file.close() }
}
