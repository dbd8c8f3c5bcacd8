import type { Protocol } from '../protocol.js'
import { captioningProtocol } from './captioning.js'
import { clusteringProtocol } from './clustering.js'
import { convergenceProtocol } from './convergence.js'
import { dataEfficiencyProtocol } from './data-efficiency.js'
import { detectionProtocol } from './detection.js'
import { fewShotProtocol } from './few-shot.js'
import { fineTuningProtocol } from './fine-tuning.js'
import { knnProtocol } from './knn.js'
import { linearProbeProtocol } from './linear-probe.js'
import { regressionProtocol } from './regression.js'
import { retrievalProtocol } from './retrieval.js'
import { separationProtocol } from './separation.js'

/** All protocols, in the order in which they run and are shown. */
export const protocols: readonly Protocol[] = [
  knnProtocol,
  linearProbeProtocol,
  separationProtocol,
  clusteringProtocol,
  fewShotProtocol,
  retrievalProtocol,
  regressionProtocol,
  dataEfficiencyProtocol,
  fineTuningProtocol,
  convergenceProtocol,
  detectionProtocol,
  captioningProtocol,
]
