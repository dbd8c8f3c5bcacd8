import { SelfsupError } from '@selfsup/core'
import type { ArchitectureReader, FileFacts } from './architecture.js'
import { counterpart, type Naming } from './naming.js'

const timmNaming: Naming = {
  library: 'timm',
  marker: 'stages.0.blocks.0.conv_dw.weight',
  names: (timm) => [[timm]],
}

/** timm's names in parts: stem, start of a stage, block, last normalisation. */
function partsOf(timm: string) {
  const [, stem, stemWeight] = /^stem\.(\d)\.(\w+)$/.exec(timm) ?? []
  if (stem) return { kind: 'stem', index: Number(stem), weight: stemWeight! } as const
  const [, stage, layer, weight] = /^stages\.(\d)\.downsample\.(\d)\.(\w+)$/.exec(timm) ?? []
  if (stage) return { kind: 'start', stage: Number(stage), index: Number(layer), weight: weight! } as const
  const [, of, block, rest] = /^stages\.(\d)\.blocks\.(\d+)\.(.+)$/.exec(timm) ?? []
  if (of) return { kind: 'block', stage: Number(of), block: Number(block), rest: rest! } as const
  return { kind: 'last', weight: timm.replace(/^head\.norm\./, '') } as const
}

const renamed = (rest: string, names: Readonly<Record<string, string>>) =>
  rest.replace(/^(conv_dw|norm|mlp\.fc1|mlp\.fc2|gamma)/, (part) => names[part]!)

const torchvisionNaming: Naming = {
  library: 'torchvision',
  marker: 'features.1.0.layer_scale',
  names(timm) {
    const part = partsOf(timm)
    if (part.kind === 'stem') return [[`features.0.${part.index}.${part.weight}`]]
    if (part.kind === 'start') return [[`features.${2 * part.stage}.${part.index}.${part.weight}`]]
    if (part.kind === 'last') return [[`classifier.0.${part.weight}`]]
    const names = { conv_dw: 'block.0', norm: 'block.2', 'mlp.fc1': 'block.3', 'mlp.fc2': 'block.5' }
    const rest = renamed(part.rest, { ...names, gamma: 'layer_scale' })
    return [[`features.${2 * part.stage + 1}.${part.block}.${rest}`]]
  },
}

/** Meta's repository, https://github.com/facebookresearch/ConvNeXt. */
const metaNaming: Naming = {
  library: 'Meta',
  marker: 'downsample_layers.0.0.weight',
  names(timm) {
    const part = partsOf(timm)
    if (part.kind === 'stem') return [[`downsample_layers.0.${part.index}.${part.weight}`]]
    if (part.kind === 'start') return [[`downsample_layers.${part.stage}.${part.index}.${part.weight}`]]
    if (part.kind === 'last') return [[`norm.${part.weight}`]]
    const names = { conv_dw: 'dwconv', norm: 'norm', 'mlp.fc1': 'pwconv1', 'mlp.fc2': 'pwconv2' }
    return [[`stages.${part.stage}.${part.block}.${renamed(part.rest, { ...names, gamma: 'gamma' })}`]]
  },
}

const transformersNaming: Naming = {
  library: 'transformers',
  marker: 'encoder.stages.0.layers.0.dwconv.weight',
  names(timm) {
    const part = partsOf(timm)
    if (part.kind === 'stem')
      return [[`embeddings.${['patch_embeddings', 'layernorm'][part.index]}.${part.weight}`]]
    if (part.kind === 'start')
      return [[`encoder.stages.${part.stage}.downsampling_layer.${part.index}.${part.weight}`]]
    if (part.kind === 'last') return [[`layernorm.${part.weight}`]]
    const names = { conv_dw: 'dwconv', norm: 'layernorm', 'mlp.fc1': 'pwconv1', 'mlp.fc2': 'pwconv2' }
    const rest = renamed(part.rest, { ...names, gamma: 'layer_scale_parameter' })
    return [[`encoder.stages.${part.stage}.layers.${part.block}.${rest}`]]
  },
}

/** ConvNeXt (Liu et al. 2022, arXiv:2201.03545), of any width and depth. ConvNeXt V2 has other blocks. */
export const convnextReader: ArchitectureReader = {
  namings: [timmNaming, torchvisionNaming, metaNaming, transformersNaming],
  unneeded: /^(head\.fc|head|classifier|classifier\.2)\.(weight|bias)$/,
  inputKernel: 'stem.0.weight',
  describe(facts) {
    const [stem, channels, patchSize] = shape(facts, 'stem.0.weight')
    const depths = [0, 1, 2, 3].map((stage) => {
      let depth = 0
      while (facts.shapeOf(`stages.${stage}.blocks.${depth}.conv_dw.weight`)) depth++
      return depth
    })
    const widths = [
      stem!,
      ...[1, 2, 3].map((stage) => shape(facts, `stages.${stage}.downsample.1.weight`)[0]!),
    ]
    if (facts.has('stages.0.blocks.0.mlp.grn.weight') || facts.has('stages.0.0.grn.gamma'))
      throw new SelfsupError(`${facts.path}: ConvNeXt V2 is not supported`, {
        code: 'unsupported',
        path: facts.path,
      })
    const usual = widths.join() === '96,192,384,768' && depths.join() === '3,3,9,3'
    return {
      name: 'convnext-tiny',
      options: { channels: channels!, patchSize: patchSize!, ...(!usual && { widths, depths }) },
      multipleOf: 1,
    }
  },
  counterpart(ours) {
    const [, layer, weight] = /^(.*)\/(\w+)$/.exec(ours)!
    if (/^moving_/.test(weight!)) return undefined // constants of layers that scale
    const timm = layer!
      .replace(/^stem\/conv$/, 'stem.0')
      .replace(/^stem\/norm$/, 'stem.1')
      .replace(/^norm$/, 'head.norm')
      .replace(/^stage(\d)\//, (_, stage) => `stages.${stage - 1}.`)
      .replace(/downsample\/norm$/, 'downsample.0')
      .replace(/downsample\/conv$/, 'downsample.1')
      .replace(/block(\d+)\//, (_, block) => `blocks.${block - 1}.`)
      .replace(/depthwise$/, 'conv_dw')
      .replace(/mlp\/(\d)$/, 'mlp.fc$1')
    if (timm.endsWith('.scale')) return { timm: timm.replace(/scale$/, 'gamma'), layout: 'same' }
    const found = counterpart(timm, weight!)
    return found?.layout === 'conv' && /mlp\.fc\d/.test(timm) ? { ...found, layout: 'dense' } : found
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
