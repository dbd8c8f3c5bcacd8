import type { Tensor4D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { MocoSettings } from './options.js'

/** Two views of a batch: for the queries and for the keys. */
export type MocoViews = [Tensor4D, Tensor4D]

/** Inputs of the version-specific part of the method. */
export interface MocoParts {
  readonly backbone: LayersModel
  readonly features: number
  readonly settings: MocoSettings
  readonly seed: number
}
