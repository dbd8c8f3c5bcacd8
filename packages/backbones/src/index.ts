export { Attention } from './attention.js'
export { type BatchNormalisations, batchNormalisations } from './batch-groups.js'
export { BatchNormalization } from './batch-normalization.js'
export {
  convBnRelu,
  convolution,
  depthwiseConvolution,
  globalAverage,
  leakyRelu,
  type Node,
  normalisation,
  normalisationRelu,
  relu,
  sum,
  through,
  withoutAffine,
} from './blocks.js'
export { type ConvnetOptions, convnet } from './convnet.js'
export { type ConvnextOptions, convnextTiny } from './convnext.js'
export { countHalvings, type DcganOptions, dcgan } from './dcgan.js'
export { featureMaps } from './feature-maps.js'
export { type FullyConnectedOptions, fullyConnected } from './fully-connected.js'
export { Gelu } from './gelu.js'
export { type HeadOptions, predictor, projector } from './heads.js'
export { type Initialisation, initialise } from './initial-weights.js'
export type { BackboneOptions } from './input.js'
export { LayerNormalization } from './layer-normalization.js'
export { type MobilenetOptions, mobilenetV3Large, mobilenetV3Small } from './mobilenet.js'
export { type MomentumCopy, momentumCopy } from './momentum-copy.js'
export { type PooledConvnetOptions, pooledConvnet } from './pooled-convnet.js'
export { backboneFromRecipe, findBackbone, recipeOf } from './recipe.js'
export { type BackboneDefinition, backbones } from './registry.js'
export { type ResnetOptions, resnet18, resnet34, resnet50 } from './resnet.js'
export { transformerBlock } from './transformer-block.js'
export {
  type VitOptions,
  type VitShape,
  visionTransformer,
  vitBase,
  vitLarge,
  vitSmall,
  vitTiny,
} from './vit.js'
export { type VitParts, vitParts } from './vit-parts.js'
export { type WideResnetOptions, wideResnet } from './wide-resnet.js'
