/// <reference lib="webworker" />
import { type FeatureRows, placeFeatures } from '../../../report/src/place-features.js'

// Computes maps, next to the training.
declare const self: DedicatedWorkerGlobalScope

self.onmessage = ({ data }: MessageEvent<FeatureRows>) => {
  try {
    self.postMessage({ places: placeFeatures(data) })
  } catch (error) {
    self.postMessage({ problem: (error as Error).message })
  }
}
