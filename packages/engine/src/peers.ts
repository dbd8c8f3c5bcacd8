import { SelfsupError } from '@selfsup/core'

/**
 * Imports an optional peer dependency on demand.
 * @param specifier name of the package, for the message
 * @throws SelfsupError with the install command if it is not installed
 */
async function importPeer<Module>(specifier: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    if (isMissing(error, specifier)) {
      throw new SelfsupError(`${specifier} is not installed`, {
        code: 'package-missing',
        fix: `run: npm install ${specifier}`,
        cause: error,
      })
    }
    throw error
  }
}

function isMissing(error: unknown, specifier: string): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  const codes: unknown[] = ['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']
  return codes.includes(error.code) && error.message.includes(specifier)
}

/** The binding of native TensorFlow. @throws SelfsupError with the code `package-missing` if it is not installed */
export const loadTensorflowPackage = () =>
  importPeer('@selfsup/tensorflow', () => import('@selfsup/tensorflow'))

/** TensorFlow.js's WebAssembly backend. @throws SelfsupError with the code `package-missing` if it is not installed */
export const loadWasmPackage = () =>
  importPeer('@tensorflow/tfjs-backend-wasm', () => import('@tensorflow/tfjs-backend-wasm'))

/** TensorFlow.js's backend in plain JavaScript. @throws SelfsupError with the code `package-missing` if it is not installed */
export const loadCpuPackage = () =>
  importPeer('@tensorflow/tfjs-backend-cpu', () => import('@tensorflow/tfjs-backend-cpu'))

/** TensorFlow.js's WebGPU backend. @throws SelfsupError with the code `package-missing` if it is not installed */
export const loadWebgpuBackendPackage = () =>
  importPeer('@tensorflow/tfjs-backend-webgpu', () => import('@tensorflow/tfjs-backend-webgpu'))

/** Dawn, WebGPU for Node. @throws SelfsupError with the code `package-missing` if it is not installed */
export const loadDawnPackage = () => importPeer('webgpu', () => import('webgpu'))
