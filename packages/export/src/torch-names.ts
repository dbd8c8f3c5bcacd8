/** Gives a layer's name in a PyTorch library; undefined for layers that the library's network does not have. */
export type Rename = (layer: string) => string | undefined

/**
 * The names of MobileNetV3's layers in torchvision or timm. Both number blocks and their parts.
 * @param layers names of all layers with weights, in order
 */
export function mobilenetNames(layers: readonly string[], library: 'torchvision' | 'timm'): Rename {
  const parts = new Map<string, string[]>()
  for (const layer of layers) {
    const [, block, part] = /^(stage\d+\/block\d+)\/(\w+)\//.exec(layer) ?? []
    if (!block) continue
    const known = parts.get(block) ?? []
    if (!known.includes(part!)) parts.set(block, [...known, part!])
  }
  const blocks = [...parts.keys()]
  const stages = new Set(blocks.map((block) => block.split('/')[0])).size
  return (layer) => {
    const [, outer, kind] = /^(stem|head)\/(conv|bn)$/.exec(layer) ?? []
    const [, block, part, last] = /^(stage\d+\/block\d+)\/(\w+)\/(conv|bn|1|2)$/.exec(layer) ?? []
    if (library === 'torchvision') {
      const position = kind === 'bn' || last === 'bn' ? 1 : 0
      if (outer) return `features.${outer === 'stem' ? 0 : blocks.length + 1}.${position}`
      if (!block) return undefined
      const start = `features.${blocks.indexOf(block) + 1}.block.${parts.get(block)!.indexOf(part!)}`
      return `${start}.${part === 'gate' ? `fc${last}` : position}`
    }
    if (outer === 'stem') return kind === 'conv' ? 'conv_stem' : 'bn1'
    if (outer === 'head') return `blocks.${stages}.0.${kind === 'conv' ? 'conv' : 'bn1'}`
    if (!block) return undefined
    const [, stage, index] = /^stage(\d+)\/block(\d+)$/.exec(block)!
    const start = `blocks.${Number(stage) - 1}.${Number(index) - 1}`
    if (part === 'gate') return `${start}.se.${last === '1' ? 'conv_reduce' : 'conv_expand'}`
    const convolutions = parts.get(block)!.filter((name) => name !== 'gate')
    if (last === 'bn') return `${start}.bn${convolutions.indexOf(part!) + 1}`
    // Blocks that expand nothing are timm's depthwise separable convolutions.
    const project = convolutions.includes('expand') ? 'conv_pwl' : 'conv_pw'
    return `${start}.${{ expand: 'conv_pw', depthwise: 'conv_dw', project }[part!]}`
  }
}

/** timm's names of ConvNeXt's layers. */
export const convnextName: Rename = (layer) => {
  if (layer === 'norm') return 'head.norm'
  if (layer === 'stem/conv') return 'stem.0'
  if (layer === 'stem/norm') return 'stem.1'
  const [, stage, rest] = /^stage(\d+)\/(.+)$/.exec(layer) ?? []
  if (!stage) return undefined
  const start = `stages.${Number(stage) - 1}`
  if (rest!.startsWith('downsample/')) return `${start}.downsample.${rest!.endsWith('norm') ? 0 : 1}`
  const [, block, part] = /^block(\d+)\/(.+)$/.exec(rest!) ?? []
  const names = { depthwise: 'conv_dw', norm: 'norm', 'mlp/1': 'mlp.fc1', 'mlp/2': 'mlp.fc2', scale: 'gamma' }
  return `${start}.blocks.${Number(block) - 1}.${names[part as keyof typeof names]}`
}
