import { SelfsupError } from '@selfsup/core'
import { openFile, runStorage } from '@selfsup/run-folder'
import { openSafetensorsWeights } from './safetensors.js'
import { openTensorflowModel } from './tensorflow-model.js'
import { LEGACY_START, openTorchLegacy } from './torch-legacy.js'
import { openTorchZip } from './torch-zip.js'
import type { WeightFile } from './weight-file.js'

/**
 * Opens a file of weights: safetensors, PyTorch's .pth, .pt or .bin, or the model.json of a TensorFlow.js layers or graph model,
 * whose files of weights must be in its folder or below. The format follows from the content. Never runs code
 * that a file contains: a pickle may only name tensors and containers. Close the file afterwards.
 * @throws SelfsupError if the file is damaged or of another format, or contains anything but tensors and containers
 */
export async function readWeights(path: string): Promise<WeightFile> {
  const start = await firstBytes(path, LEGACY_START.length)
  if (start.length >= 4 && start.readUInt32LE(0) === 0x04034b50) return openTorchZip(path)
  if (start.equals(LEGACY_START)) return openTorchLegacy(path)
  // A safetensors file starts with the length of its header, which starts with a brace.
  if (start[8] === 0x7b) return openSafetensorsWeights(runStorage, path)
  if (/^\s*\{/.test(start.toString('latin1'))) return openTensorflowModel(path)
  throw new SelfsupError(
    `${path} is neither a safetensors file, nor weights saved by PyTorch, nor a TensorFlow.js model`,
    {
      code: 'damaged-file',
      path,
    },
  )
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await openFile(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
