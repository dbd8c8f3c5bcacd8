/** A published model with a short name. */
export interface KnownModel {
  /** repository on the Hugging Face Hub, and the revision that was checked */
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
const resnet = (depth: number, features: number): KnownModel => ({
  repository: `timm/resnet${depth}.tv_in1k`,
  features,
  summary: `ResNet-${depth} of torchvision, trained with ImageNet's labels`,
  licence: 'BSD-3-Clause',
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
  'resnet18-imagenet': resnet(18, 512),
  'resnet34-imagenet': resnet(34, 512),
  'resnet50-imagenet': resnet(50, 2048),
}
