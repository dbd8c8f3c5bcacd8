import { expected, SelfsupError } from '@selfsup/core'
import type { ArchitectureReader, FileFacts } from './architecture.js'
import type { ModelConfig } from './model-config.js'
import { counterpart, type Naming } from './naming.js'
import type { PositionResizing } from './positions.js'
import { usualSize } from './vit-sizes.js'

/** timm, and Meta's repositories of DINO and DINOv2, which have the same names but for the registers. */
const timmNaming: Naming = {
  library: 'timm or Meta',
  marker: 'blocks.0.attn.qkv.weight',
  names: (timm) => (timm === 'reg_token' ? [['reg_token'], ['register_tokens']] : [[timm]]),
}

/** transformers: ViTModel, Dinov2Model, Dinov2WithRegistersModel; version 5 renamed layers in memory, the files kept their names. */
const transformersNaming: Naming = {
  library: 'transformers',
  marker: 'embeddings.patch_embeddings.projection.weight',
  names(timm) {
    const whole = wholeNames[timm.replace(/\.(weight|bias)$/, '')]
    if (whole) return [[timm.replace(/^.*?(\.(weight|bias))?$/, `${whole}$1`)]]
    const [, block, layer, weight] = /^blocks\.(\d+)\.(.*)\.(\w+)$/.exec(timm) ?? []
    if (layer === 'ls1' || layer === 'ls2') return inBlock(block!, [[`layer_scale${layer[2]}.lambda1`]])
    return inBlock(
      block!,
      (blockNames[layer!] ?? []).map((names) => names.map((name) => `${name}.${weight}`)),
    )
  },
}

const wholeNames: Readonly<Record<string, string>> = {
  'patch_embed.proj': 'embeddings.patch_embeddings.projection',
  cls_token: 'embeddings.cls_token',
  reg_token: 'embeddings.register_tokens',
  pos_embed: 'embeddings.position_embeddings',
  norm: 'layernorm',
}

const each = (name: (part: string) => string, parts: readonly string[]) => parts.map(name)
const blockNames: Readonly<Record<string, readonly (readonly string[])[]>> = {
  norm1: [['norm1'], ['layernorm_before']],
  norm2: [['norm2'], ['layernorm_after']],
  'attn.qkv': [
    each((part) => `attention.attention.${part}`, ['query', 'key', 'value']),
    each((part) => `attention.${part}_proj`, ['q', 'k', 'v']),
  ],
  'attn.proj': [['attention.output.dense'], ['attention.o_proj']],
  'mlp.fc1': [['mlp.fc1'], ['intermediate.dense']],
  'mlp.fc2': [['mlp.fc2'], ['output.dense']],
}

function inBlock(block: string, names: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return ['encoder.layer', 'layers'].flatMap((list) =>
    names.map((alternative) => alternative.map((name) => `${list}.${block}.${name}`)),
  )
}

/** Vision transformers with a class token: ViT, DeiT, DINO, DINOv2 with and without registers. */
export const vitReader: ArchitectureReader = {
  namings: [timmNaming, transformersNaming],
  unneeded: /^(head|fc|classifier|pooler|norm_pre)\.|(^|\.)mask_token$|position_ids$/,
  inputKernel: 'patch_embed.proj.weight',
  describe(facts, naming, config) {
    const [width, channels, patchSize] = facts.shapeOf('patch_embed.proj.weight') ?? []
    expected(width && channels && patchSize, `${facts.path}: the projection of patches is missing`, {
      code: 'damaged-file',
      path: facts.path,
    })
    for (const [part, name] of [
      ['a gated perceptron (SwiGLU), as ViT-g has', 'blocks.0.mlp.w12.weight'],
      ['features that are the mean of its patches', 'fc_norm.weight'],
    ] as const)
      if (facts.has(name)) throw unsupported(facts, part)
    let depth = 0
    while (facts.shapeOf(`blocks.${depth}.norm1.weight`)) depth++
    const hidden = facts.shapeOf('blocks.0.mlp.fc1.weight')?.[0]
    if (hidden !== undefined && hidden !== 4 * width)
      throw unsupported(facts, `a perceptron of ${hidden} units instead of ${4 * width}`)
    const registers = facts.shapeOf('reg_token')?.[1] ?? 0
    const { name, options } = usualSize(facts.path, width, depth, config)
    return {
      name,
      options: {
        channels,
        patchSize,
        ...(facts.shapeOf('blocks.0.ls1.gamma') && { layerScale: 1e-5 }),
        ...(registers > 0 && { registers }),
        ...options,
      },
      multipleOf: patchSize,
      positions: positionResizing(facts, naming, config, registers),
    }
  },
  counterpart(ours) {
    const special = { 'class-token/beta': 'cls_token', 'registers/beta': 'reg_token' }[ours]
    if (special) return { timm: special, layout: 'same' }
    if (ours === 'positions/beta') return { timm: 'pos_embed', layout: 'positions' }
    const [, layer, weight] = /^(.*)\/(\w+)$/.exec(ours)!
    // Constants of layers that a saved model contains as batch normalisations.
    if (/^(class-token|registers|positions)$|attention\/scale$/.test(layer!) || /^moving_/.test(weight!))
      return undefined
    const timm = layer!
      .replace(/^patches\/projection$/, 'patch_embed.proj')
      .replace(/^block(\d+)\//, (_, block) => `blocks.${block - 1}.`)
      .replace(/attention\/qkv$/, 'attn.qkv')
      .replace(/attention\/projection$/, 'attn.proj')
      .replace(/mlp\/(\d)$/, 'mlp.fc$1')
    if (/scale(\d)$/.test(timm)) return { timm: timm.replace(/scale(\d)$/, 'ls$1.gamma'), layout: 'same' }
    const found = counterpart(timm, weight!)
    return found?.layout === 'conv' && !layer!.startsWith('patches') ? { ...found, layout: 'dense' } : found
  },
}

/** Each library resizes positions in its own way. */
function positionResizing(
  facts: FileFacts,
  naming: Naming,
  { library }: ModelConfig,
  registers: number,
): PositionResizing {
  if (naming === transformersNaming) return { antialias: registers > 0, offset: 0 }
  // timm has no mask token. DINO, which has none either, was published as .pth only.
  const timm = library === 'timm' || (!facts.has('mask_token') && facts.format === 'safetensors')
  return timm || registers > 0 ? { antialias: true, offset: 0 } : { antialias: false, offset: 0.1 }
}

function unsupported({ path }: FileFacts, part: string): SelfsupError {
  return new SelfsupError(`${path}: this vision transformer has ${part}, which is not supported`, {
    code: 'unsupported',
    path,
  })
}
