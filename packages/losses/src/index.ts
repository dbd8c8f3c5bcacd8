export { type BarlowTwinsOptions, barlowTwins } from './barlow-twins.js'
export { byolRegression } from './byol-regression.js'
export { type ContrastiveOptions, contrastive, labelledContrastive } from './contrastive.js'
export { type IicOptions, iic, iicOfHeads } from './iic.js'
export { type InfoNceOptions, infoNce } from './info-nce.js'
export { type KeyQueue, keyQueue } from './key-queue.js'
export { l2Normalise } from './l2-normalise.js'
export {
  generalisedLiftedStructured,
  type LiftedStructuredOptions,
  liftedStructured,
} from './lifted-structured.js'
export { type NPairOptions, nPair } from './n-pair.js'
export { type NtXentOptions, ntXent } from './nt-xent.js'
export { type SupConOptions, supCon } from './sup-con.js'
export { type LabelledTripletOptions, labelledTriplet, type TripletOptions, triplet } from './triplet.js'
export { type VicRegOptions, vicReg } from './vic-reg.js'
