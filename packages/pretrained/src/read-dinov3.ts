import { expected, SelfsupError } from '@selfsup/core'
import type { ArchitectureReader } from './architecture.js'
import { type Counterpart, counterpart, type Naming } from './naming.js'
import { usualSize } from './vit-sizes.js'

/** Names of DINOv3's weights that serve as the common ones: timm's, but for queries, keys and values, which are separate. */
const separate = ['query', 'key', 'value'] as const

/** timm's `Eva`; the larger checkpoints exist without biases of queries and values, because those are 0. */
const timmNaming: Naming = {
  library: 'timm',
  marker: 'blocks.0.gamma_1',
  names(name) {
    const { start, part, weight } = projection(name)
    if (!part) return [[name]]
    return weight === 'bias'
      ? [[`${start}.${part[0]}_bias`]]
      : [[`${start}.qkv.weight#${separate.indexOf(part)}/3`]]
  },
}

/** https://github.com/facebookresearch/dinov3 (dinov3/models/vision_transformer.py); a mask removes the bias of the keys. */
const metaNaming: Naming = {
  library: 'Meta',
  marker: 'storage_tokens',
  names(name) {
    const { start, part, weight } = projection(name)
    if (part) return [[`${start}.qkv.${weight}#${separate.indexOf(part)}/3`]]
    return [[name.replace(/gamma_(\d)$/, 'ls$1.gamma').replace(/^reg_token$/, 'storage_tokens')]]
  },
}

const transformersNaming: Naming = {
  library: 'transformers',
  marker: 'embeddings.patch_embeddings.weight',
  names(name) {
    const whole = { cls_token: 'cls_token', reg_token: 'register_tokens' }[name]
    if (whole) return [[`embeddings.${whole}`]]
    if (name.startsWith('norm.')) return [[name]]
    const patches = /^patch_embed\.proj\.(\w+)$/.exec(name)
    if (patches) return [[`embeddings.patch_embeddings.${patches[1]}`]]
    const rest = name
      .replace(/attn\.(query|key|value)\./, (_, part) => `attention.${part[0]}_proj.`)
      .replace('attn.proj.', 'attention.o_proj.')
      .replace('mlp.fc1.', 'mlp.up_proj.')
      .replace('mlp.fc2.', 'mlp.down_proj.')
      .replace(/gamma_(\d)$/, 'layer_scale$1.lambda1')
      .replace(/^blocks\./, '')
    return [[`layer.${rest}`], [`layers.${rest}`], [`model.layer.${rest}`]]
  },
}

/** `blocks.0.attn.query.weight` in parts. */
function projection(name: string) {
  const [, start, part, weight] = /^(blocks\.\d+\.attn)\.(query|key|value)\.(\w+)$/.exec(name) ?? []
  return { start, part: part as (typeof separate)[number] | undefined, weight }
}

/**
 * DINOv3's vision transformers (Siméoni et al. 2025, arXiv:2508.10104): rotary positions, registers. Meta licenses the weights under the
 * DINOv3 License, which every user has to accept; so no name stands for them.
 */
export const dinov3Reader: ArchitectureReader = {
  namings: [metaNaming, timmNaming, transformersNaming],
  unneeded: /^(head|fc_norm|classifier)\.|(^|\.)mask_token$|bias_mask$|^rope_embed\.|^local_cls_norm\./,
  inputKernel: 'patch_embed.proj.weight',
  describe(facts, naming, config) {
    const [width, channels, patchSize] = facts.shapeOf('patch_embed.proj.weight') ?? []
    expected(width && channels && patchSize, `${facts.path}: the projection of patches is missing`, {
      code: 'damaged-file',
      path: facts.path,
    })
    const layers = naming === transformersNaming ? ['layer.0.', 'layers.0.', 'model.layer.0.'] : ['blocks.0.']
    const hasPart = (...names: string[]) =>
      names.some((name) => layers.some((layer) => facts.has(`${layer}${name}.weight`)))
    for (const [part, present] of [
      [
        'a gated perceptron (SwiGLU), as its sizes S+, H+ and 7B have',
        hasPart('mlp.gate_proj', 'mlp.w1', 'mlp.fc1_g'),
      ],
      ['learned positions, so it is not DINOv3', facts.has('pos_embed')],
    ] as const)
      if (present)
        throw new SelfsupError(`${facts.path}: this vision transformer has ${part}, which is not supported`, {
          code: 'unsupported',
          path: facts.path,
        })
    let depth = 0
    while (facts.shapeOf(`blocks.${depth}.norm1.weight`)) depth++
    const registers = facts.shapeOf('reg_token')?.[1] ?? 0
    const { name, options } = usualSize(facts.path, width, depth, config)
    return {
      name,
      options: { channels, patchSize, positions: 'rotary', layerScale: 1e-5, registers, ...options },
      multipleOf: patchSize,
    }
  },
  counterpart(ours): Counterpart | undefined {
    const special = { 'class-token/beta': 'cls_token', 'registers/beta': 'reg_token' }[ours]
    if (special) return { timm: special, layout: 'same' }
    const [, layer, weight] = /^(.*)\/(\w+)$/.exec(ours)!
    // Constants: angles, and layers that a saved model contains as batch normalisations.
    if (/^(class-token|registers)$|attention\/(scale|cos|sin)$/.test(layer!) || /^moving_/.test(weight!))
      return undefined
    const timm = layer!
      .replace(/^patches\/projection$/, 'patch_embed.proj')
      .replace(/^block(\d+)\//, (_, block) => `blocks.${block - 1}.`)
      .replace(/attention\/projection$/, 'attn.proj')
      .replace(/attention\//, 'attn.')
      .replace(/mlp\/(\d)$/, 'mlp.fc$1')
    if (/scale(\d)$/.test(timm)) return { timm: timm.replace(/scale(\d)$/, 'gamma_$1'), layout: 'same' }
    const found = counterpart(timm, weight!)
    if (found?.layout === 'conv' && !layer!.startsWith('patches')) return { ...found, layout: 'dense' }
    return found && /attn\.(query|value)\.bias$/.test(found.timm) ? { ...found, optional: true } : found
  },
}
