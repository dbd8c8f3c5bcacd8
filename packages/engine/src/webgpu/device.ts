/// <reference types="@webgpu/types" />
import type { FoundAdapter } from './dawn.js'

/** Features that are requested where the adapter has them, and shown by `doctor`. No kernel of ours uses 16-bit floats or subgroups yet. */
const WANTED_FEATURES = ['timestamp-query', 'shader-f16', 'subgroups'] as const

/** Limits that are raised to the adapter's; all others stay at WebGPU's defaults. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const

/** What a WebGPU adapter is and has, as `selfsup doctor` shows it. */
export interface AdapterReport {
  readonly name: string
  /** whether it computes on the processor */
  readonly software: boolean
  /** which of WANTED_FEATURES the adapter has */
  readonly features: readonly string[]
  /** limits by WebGPU's names */
  readonly limits: Readonly<Record<(typeof WANTED_LIMITS)[number], number>>
}

/** Describes an adapter. */
export function describeAdapter({ adapter, name, software }: FoundAdapter): AdapterReport {
  return { name, software, features: featuresOf(adapter), limits: limitsOf(adapter) }
}

/** Requests a device with all features and limits that kernels use. */
export function requestDevice({ adapter }: FoundAdapter): Promise<GPUDevice> {
  return adapter.requestDevice({
    requiredFeatures: featuresOf(adapter) as GPUFeatureName[],
    requiredLimits: limitsOf(adapter),
  })
}

function featuresOf(adapter: GPUAdapter) {
  return WANTED_FEATURES.filter((feature) => adapter.features.has(feature))
}

function limitsOf(adapter: GPUAdapter): AdapterReport['limits'] {
  const limits = WANTED_LIMITS.map((name) => [name, adapter.limits[name]])
  return Object.fromEntries(limits) as AdapterReport['limits']
}
