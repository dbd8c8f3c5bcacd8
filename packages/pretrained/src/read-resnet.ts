import { SelfsupError } from '@selfsup/core'
import type { ArchitectureReader, FileFacts } from './architecture.js'
import { counterpart, type Naming } from './naming.js'

const torchvision: Naming = {
  library: 'torchvision or timm',
  marker: 'layer1.0.conv1.weight',
  names: (timm) => [[timm]],
}

const transformers: Naming = {
  library: 'transformers',
  marker: 'embedder.embedder.convolution.weight',
  names(timm) {
    const stem = { conv1: 'convolution', bn1: 'normalization' }
    const [, part, weight] = /^(conv1|bn1)\.(\w+)$/.exec(timm) ?? []
    if (part) return [[`embedder.embedder.${stem[part as keyof typeof stem]}.${weight}`]]
    const [, stage, block, rest] = /^layer(\d)\.(\d+)\.(.*)$/.exec(timm) ?? []
    const inside = (rest ?? '')
      .replace(/^conv(\d)/, (_, n) => `layer.${n - 1}.convolution`)
      .replace(/^bn(\d)/, (_, n) => `layer.${n - 1}.normalization`)
      .replace(/^downsample\.0/, 'shortcut.convolution')
      .replace(/^downsample\.1/, 'shortcut.normalization')
    return [[`encoder.stages.${Number(stage) - 1}.layers.${block}.${inside}`]]
  },
}

/** The usual networks: blocks per stage, by name. */
const known: Readonly<Record<string, string>> = {
  '2,2,2,2 basic': 'resnet18',
  '3,4,6,3 basic': 'resnet34',
  '3,4,6,3 bottleneck': 'resnet50',
}

/** ResNets (He et al. 2015, arXiv:1512.03385) with the stride on the 3x3 convolution of a bottleneck. */
export const resnetReader: ArchitectureReader = {
  namings: [torchvision, transformers],
  unneeded: /^(fc|head|classifier|projection_head|pooler)\.|num_batches_tracked$/,
  inputKernel: 'conv1.weight',
  describe(facts) {
    const [stem, channels, side] = shape(facts, 'conv1.weight')
    const kind = facts.shapeOf('layer1.0.conv3.weight') ? 'bottleneck' : 'basic'
    const depths = [1, 2, 3, 4].map((stage) => {
      let depth = 0
      while (facts.shapeOf(`layer${stage}.${depth}.conv1.weight`)) depth++
      return depth
    })
    const widths = [1, 2, 3, 4].map((stage) => shape(facts, `layer${stage}.0.conv1.weight`)[0]!)
    const forSmall = facts.stem === 'cifar'
    if (widths[0] !== stem || side !== (forSmall ? 3 : 7))
      throw new SelfsupError(
        `${facts.path}: this ResNet must start with a 7x7 convolution of ${widths[0]} filters; got ${side}x${side} and ${stem}`,
        { code: 'unsupported', path: facts.path },
      )
    const name = known[`${depths} ${kind}`]
    const usual = name !== undefined && widths.join() === '64,128,256,512'
    return {
      name: name ?? (kind === 'basic' ? 'resnet18' : 'resnet50'),
      options: {
        stem: forSmall ? 'cifar' : 'imagenet',
        channels: channels!,
        ...(!usual && { widths }),
        ...(name === undefined && { depths }),
      },
      multipleOf: 1,
    }
  },
  counterpart(ours) {
    const [, layer, weight] = /^(.*)\/(\w+)$/.exec(ours)!
    const timm = layer!
      .replace(/^stem\/conv$/, 'conv1')
      .replace(/^stem\/bn$/, 'bn1')
      .replace(/^stage(\d)\/block(\d+)\//, (_, stage, block) => `layer${stage}.${block - 1}.`)
      .replace(/(\d)\/(conv|bn)$/, '$2$1')
      .replace(/shortcut\/conv$/, 'downsample.0')
      .replace(/shortcut\/bn$/, 'downsample.1')
    return counterpart(timm, weight!)
  },
}

function shape(facts: FileFacts, timm: string): readonly number[] {
  const found = facts.shapeOf(timm)
  if (found) return found
  throw new SelfsupError(`${facts.path}: tensor ${timm} is missing`, {
    code: 'damaged-file',
    path: facts.path,
  })
}
