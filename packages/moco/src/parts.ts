import type { Tensor4D } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { MocoSettings } from './options.js'

/** The views of a batch: of the queries, of the keys. */
export type MocoViews = [Tensor4D, Tensor4D]

/** What makes the versions' algorithms; the rest of the method is common. */
export interface MocoParts {
  readonly backbone: LayersModel
  readonly features: number
  readonly settings: MocoSettings
  readonly seed: number
}
