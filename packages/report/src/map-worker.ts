import { parentPort, workerData } from 'node:worker_threads'
import { type FeatureRows, placeFeatures } from './place-features.js'

// Runs in a worker thread that map.ts starts.
try {
  parentPort!.postMessage({ places: placeFeatures(workerData as FeatureRows) })
} catch (error) {
  parentPort!.postMessage({ problem: (error as Error).message })
}
