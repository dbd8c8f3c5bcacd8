/** A published model with a short name. */
export interface KnownModel {
  /** repository on the Hugging Face Hub */
  readonly repository: string
  /** number of features */
  readonly features: number
  readonly summary: string
  /** licence of the weights */
  readonly licence: string
}

const dinov2 = (size: string, features: number, registers = false): KnownModel => ({
  repository: `facebook/dinov2${registers ? '-with-registers' : ''}-${size}`,
  features,
  summary: `DINOv2, ViT-${size[0]!.toUpperCase()}/14${registers ? ' with registers' : ''} (Oquab et al. 2023${registers ? '; Darcet et al. 2023' : ''})`,
  licence: 'Apache-2.0',
})
const dino = (patch: number): KnownModel => ({
  repository: `facebook/dino-vits${patch}`,
  features: 384,
  summary: `DINO, ViT-S/${patch} (Caron et al. 2021)`,
  licence: 'Apache-2.0',
})
const imagenet = (name: string, features: number, network: string, licence = 'Apache-2.0'): KnownModel => ({
  repository: `timm/${name}`,
  features,
  summary: `${network}, trained with ImageNet's labels`,
  licence,
})

/** Models by the names that the command line takes. */
export const knownModels: Readonly<Record<string, KnownModel>> = {
  'dinov2-small': dinov2('small', 384),
  'dinov2-base': dinov2('base', 768),
  'dinov2-large': dinov2('large', 1024),
  'dinov2-small-registers': dinov2('small', 384, true),
  'dinov2-base-registers': dinov2('base', 768, true),
  'dinov2-large-registers': dinov2('large', 1024, true),
  'dino-small-16': dino(16),
  'dino-small-8': dino(8),
  'resnet18-imagenet': imagenet('resnet18.tv_in1k', 512, 'ResNet-18 of torchvision', 'BSD-3-Clause'),
  'resnet34-imagenet': imagenet('resnet34.tv_in1k', 512, 'ResNet-34 of torchvision', 'BSD-3-Clause'),
  'resnet50-imagenet': imagenet('resnet50.tv_in1k', 2048, 'ResNet-50 of torchvision', 'BSD-3-Clause'),
  'mobilenet-v3-small-imagenet': imagenet(
    'mobilenetv3_small_100.lamb_in1k',
    576,
    'MobileNetV3-Small of timm',
  ),
  'mobilenet-v3-large-imagenet': imagenet('mobilenetv3_large_100.ra_in1k', 960, 'MobileNetV3-Large of timm'),
  'convnext-tiny-imagenet': imagenet('convnext_tiny.fb_in1k', 768, 'ConvNeXt-T (Liu et al. 2022)'),
}
