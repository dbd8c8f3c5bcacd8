/// <reference types="@webgpu/types" />
import { existsSync } from 'node:fs'
import { SelfsupError } from '@selfsup/core'
import { loadDawnPackage } from '../peers.js'

/** WebGPU of this process: the browser's own, or Dawn by the npm package `webgpu`. */
export interface WebgpuHost {
  readonly gpu: GPU
  /**
   * Runs what the device has finished, without waiting for JavaScript's event loop: a buffer that is being mapped can so be
   * awaited in a function that is not asynchronous. Browsers have nothing like it.
   */
  readonly processEvents?: () => void
}

/** Descriptions of Vulkan's software driver SwiftShader, which comes with Chromium. */
const SOFTWARE_DRIVERS = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/usr/lib/chromium-browser/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
]

let host: Promise<WebgpuHost> | undefined

/**
 * WebGPU of this process; Dawn is loaded once.
 * @throws SelfsupError if the packages are not installed, or Dawn does not load
 */
export function webgpuHost(): Promise<WebgpuHost> {
  host ??= findHost().catch((error: unknown) => {
    host = undefined
    throw error
  })
  return host
}

async function findHost(): Promise<WebgpuHost> {
  const own = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu
  if (own) return { gpu: own }
  const dawn = await loadDawnPackage()
  offerSoftwareDriver()
  // TensorFlow.js looks up GPUBuffer, GPUBufferUsage and others as globals.
  for (const [name, value] of Object.entries(dawn.globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: false })
  }
  const { result: gpu, scheduled } = await watchingImmediates(async () => {
    const gpu = dawn.create([])
    const device = await (await gpu.requestAdapter())?.requestDevice()
    const done = device?.queue.onSubmittedWorkDone()
    await done
    device?.destroy()
    return gpu
  })
  return { gpu, processEvents: scheduled }
}

/**
 * Dawn runs its events in a function that it gives to `setImmediate` while something is pending. That function may be called
 * at any time; this returns the last one that Dawn scheduled during `body`.
 */
async function watchingImmediates<T>(
  body: () => Promise<T>,
): Promise<{ result: T; scheduled: (() => void) | undefined }> {
  const { setImmediate } = globalThis
  let scheduled: (() => void) | undefined
  const watching = (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    // Functions made by native code have no source, no name and no prototype.
    if (/\[native code\]/.test(Function.prototype.toString.call(callback))) scheduled = () => callback()
    return setImmediate(callback, ...args)
  }
  globalThis.setImmediate = Object.assign(watching, setImmediate) as typeof setImmediate
  try {
    return { result: await body(), scheduled }
  } finally {
    globalThis.setImmediate = setImmediate
  }
}

/** Makes Chromium's software driver one of Vulkan's, after those of GPUs, unless the user has chosen drivers. */
function offerSoftwareDriver(): void {
  if (process.platform !== 'linux') return
  const chosen = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES']
  if (chosen.some((name) => process.env[name] !== undefined)) return
  const found = SOFTWARE_DRIVERS.find((path) => existsSync(path))
  if (found) process.env.VK_ADD_DRIVER_FILES = found
}

/** The adapter that a device is requested from, and what it is. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter
  readonly name: string
  /** whether it computes on the processor, as SwiftShader and llvmpipe do */
  readonly software: boolean
}

/**
 * The machine's fastest adapter.
 * @throws SelfsupError with code `unsupported` if there is none
 */
export async function findAdapter({ gpu }: WebgpuHost): Promise<FoundAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) throw noAdapter()
  const { info } = adapter
  const name = info.description || info.device || [info.vendor, info.architecture].join(' ').trim() || 'GPU'
  const software =
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.architecture} ${name}`)
  return { adapter, name, software }
}

function noAdapter(): SelfsupError {
  const linux = typeof process === 'object' && process.platform === 'linux'
  return new SelfsupError('WebGPU finds no GPU', {
    code: 'unsupported',
    fix: linux
      ? "install your GPU's Vulkan driver and libvulkan1, or for a software driver run: apt-get install libvulkan1 chromium"
      : "install your GPU's driver",
  })
}
