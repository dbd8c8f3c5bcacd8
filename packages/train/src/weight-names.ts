export { trainableWeights, weightNames } from '@selfsup/core'
