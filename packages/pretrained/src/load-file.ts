import { SelfsupError } from '@selfsup/core'
import { type RunStorage, sha256 } from '@selfsup/run-folder'
import { backboneOf, type PretrainedBackbone, type PretrainedOptions } from './backbone-of-file.js'
import { openSafetensorsWeights } from './safetensors.js'

/** Bytes that are read at once for the hash. */
const AT_A_TIME = 2 ** 24

/** A file that a user chose in a browser. */
export interface ChosenFile extends Blob {
  readonly name: string
}

/**
 * Creates the backbone of a safetensors file that a user chose in a browser, with its weights: ResNets and vision transformers, as
 * in Node. Prepare an engine first.
 * @param options size and channels of the images; default: those of its preprocessing
 * @throws SelfsupError if the file is not a safetensors file, is damaged, or no architecture is recognised
 */
export async function loadPretrainedFile(
  file: ChosenFile,
  options: PretrainedOptions = {},
): Promise<PretrainedBackbone> {
  const storage: Pick<RunStorage, 'open'> = {
    open: async () => ({
      size: file.size,
      async read(target, position, ended) {
        const part = await file.slice(position, position + target.length).arrayBuffer()
        if (part.byteLength < target.length) throw new SelfsupError(ended, { code: 'damaged-file' })
        target.set(new Uint8Array(part))
      },
      close: async () => {},
    }),
  }
  const weights = await openSafetensorsWeights(storage, file.name)
  return backboneOf(weights, {}, options, async () => {
    const hash = sha256()
    for (let at = 0; at < file.size; at += AT_A_TIME)
      hash.update(new Uint8Array(await file.slice(at, at + AT_A_TIME).arrayBuffer()))
    return { source: file.name, file: file.name, sha256: hash.hex() }
  })
}
