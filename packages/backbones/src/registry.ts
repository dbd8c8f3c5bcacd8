import type { LayersModel } from '@tensorflow/tfjs-layers'
import { convnet } from './convnet.js'
import { convnextTiny } from './convnext.js'
import { dcgan } from './dcgan.js'
import { fullyConnected } from './fully-connected.js'
import type { BackboneOptions } from './input.js'
import { mobilenetV3Large, mobilenetV3Small } from './mobilenet.js'
import { pooledConvnet } from './pooled-convnet.js'
import { resnet18, resnet34, resnet50 } from './resnet.js'
import { vitBase, vitLarge, vitSmall, vitTiny } from './vit.js'
import { wideResnet } from './wide-resnet.js'

/** An entry in the list of backbones. */
export interface BackboneDefinition {
  readonly name: string
  /** one-line description */
  readonly summary: string
  /** width of the output; for images of 32 pixels if it depends on their size */
  readonly features: number
  /** number of trained weights for colour images of 32 pixels; creating a large network only to count them takes a minute */
  readonly parameters: number
  create(options: BackboneOptions): LayersModel
}

/** All backbones, from small to large within each kind. */
export const backbones: readonly BackboneDefinition[] = [
  {
    name: 'convnet',
    summary: 'four 3x3 convolutions, for small machines',
    features: 256,
    parameters: 388_896,
    create: convnet,
  },
  {
    name: 'pooled-convnet',
    summary: 'three convolutions with max pooling, keeps positions: for digits',
    features: 2048,
    parameters: 95_008,
    create: pooledConvnet,
  },
  {
    name: 'fully-connected',
    summary: 'two linear layers, for small images (as in BiGAN, Donahue et al. 2017)',
    features: 1024,
    parameters: 4_195_328,
    create: fullyConnected,
  },
  {
    name: 'dcgan',
    summary: 'strided 4x4 convolutions: DCGAN’s discriminator (Radford et al. 2016)',
    features: 256,
    parameters: 1_708_096,
    create: dcgan,
  },
  {
    name: 'wide-resnet-28-2',
    summary: 'Wide ResNet for small images (Zagoruyko & Komodakis 2016)',
    features: 128,
    parameters: 1_466_320,
    create: wideResnet,
  },
  {
    name: 'resnet18',
    summary: 'ResNet-18 (He et al. 2015)',
    features: 512,
    parameters: 11_168_832,
    create: resnet18,
  },
  {
    name: 'resnet34',
    summary: 'ResNet-34 (He et al. 2015)',
    features: 512,
    parameters: 21_276_992,
    create: resnet34,
  },
  {
    name: 'resnet50',
    summary: 'ResNet-50 (He et al. 2015)',
    features: 2048,
    parameters: 23_500_352,
    create: resnet50,
  },
  {
    name: 'mobilenet-v3-small',
    summary: 'MobileNetV3-Small (Howard et al. 2019), for small devices',
    features: 576,
    parameters: 927_008,
    create: mobilenetV3Small,
  },
  {
    name: 'mobilenet-v3-large',
    summary: 'MobileNetV3-Large (Howard et al. 2019), for small devices',
    features: 960,
    parameters: 2_971_952,
    create: mobilenetV3Large,
  },
  {
    name: 'convnext-tiny',
    summary: 'ConvNeXt-T (Liu et al. 2022)',
    features: 768,
    parameters: 27_816_672,
    create: convnextTiny,
  },
  {
    name: 'vit-tiny',
    summary: 'ViT-Ti (Dosovitskiy et al. 2020; DeiT)',
    features: 192,
    parameters: 5_360_832,
    create: vitTiny,
  },
  {
    name: 'vit-small',
    summary: 'ViT-S (Dosovitskiy et al. 2020; DeiT)',
    features: 384,
    parameters: 21_338_496,
    create: vitSmall,
  },
  {
    name: 'vit-base',
    summary: 'ViT-B (Dosovitskiy et al. 2020)',
    features: 768,
    parameters: 85_144_320,
    create: vitBase,
  },
  {
    name: 'vit-large',
    summary: 'ViT-L (Dosovitskiy et al. 2020)',
    features: 1024,
    parameters: 302_429_184,
    create: vitLarge,
  },
]
