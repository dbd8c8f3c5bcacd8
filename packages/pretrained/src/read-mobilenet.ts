import { SelfsupError } from '@selfsup/core'
import type { ArchitectureReader, FileFacts } from './architecture.js'
import { counterpart, type Naming } from './naming.js'

/** Blocks of each stage, and whether they have a gate. */
const shapes = {
  large: { depths: [1, 2, 3, 4, 2, 3], gates: [false, false, true, false, true, true] },
  small: { depths: [1, 2, 3, 2, 3], gates: [true, false, true, true, true] },
} as const
type Size = keyof typeof shapes

/** timm numbers stages and blocks; the last convolution is a stage of its own. */
const timmNaming = (size: Size): Naming => ({
  library: 'timm',
  marker: `blocks.${shapes[size].depths.length}.0.conv.weight`,
  names: (name) => [[name.replace(/^head\./, `blocks.${shapes[size].depths.length}.0.`)]],
})

/** torchvision numbers all blocks, and the parts of each: the gate is a part of its own. */
const torchvisionNaming = (size: Size): Naming => {
  const { depths, gates } = shapes[size]
  const count = depths.reduce((sum: number, depth) => sum + depth, 0)
  const parts = (stage: number) => [
    ...(stage === 0 ? [] : ['conv_pw']),
    'conv_dw',
    ...(gates[stage] ? ['se'] : []),
    stage === 0 ? 'conv_pw' : 'conv_pwl',
  ]
  const convolutions = (stage: number) => parts(stage).filter((part) => part !== 'se')
  return {
    library: 'torchvision',
    marker: `features.${count}.block.0.0.weight`,
    names(name) {
      const [, outer, kind, outerWeight] = /^(conv_stem|bn1|head\.conv|head\.bn1)()\.(\w+)$/.exec(name) ?? []
      if (outer !== undefined) {
        const index = outer.startsWith('head') ? count + 1 : 0
        return [[`features.${index}.${/bn1$/.test(outer) ? 1 : 0}${kind}.${outerWeight}`]]
      }
      const [, stageText, block, layer, weight] = /^blocks\.(\d+)\.(\d+)\.(.+)\.(\w+)$/.exec(name) ?? []
      const stage = Number(stageText)
      const before = depths.slice(0, stage).reduce((sum: number, depth) => sum + depth, 0)
      const index = 1 + before + Number(block)
      const part = (name: string) => parts(stage).indexOf(name)
      if (layer === 'se.conv_reduce' || layer === 'se.conv_expand')
        return [[`features.${index}.block.${part('se')}.fc${layer.endsWith('reduce') ? 1 : 2}.${weight}`]]
      const normalised = /^bn(\d)$/.exec(layer ?? '')?.[1]
      const of = normalised ? convolutions(stage)[Number(normalised) - 1]! : layer!
      return [[`features.${index}.block.${part(of)}.${normalised ? 1 : 0}.${weight}`]]
    },
  }
}

const namings = {
  large: [timmNaming('large'), torchvisionNaming('large')],
  small: [timmNaming('small'), torchvisionNaming('small')],
} as const

/** MobileNetV3 (Howard et al. 2019, arXiv:1905.02244), small and large, with PyTorch's padding. */
export const mobilenetReader: ArchitectureReader = {
  // The larger network first: its marker is missing in the smaller one, but not the other way round.
  namings: [...namings.large, ...namings.small],
  unneeded: /^(conv_head|classifier)\.|num_batches_tracked$/,
  inputKernel: 'conv_stem.weight',
  describe(facts, naming, { architecture }) {
    if (architecture?.startsWith('tf_'))
      throw new SelfsupError(
        `${facts.path}: ${architecture} pads as TensorFlow does, which is not supported`,
        {
          code: 'unsupported',
          path: facts.path,
          fix: `use the model without tf_: ${architecture.replace(/^tf_/, '')}`,
        },
      )
    const size: Size = (namings.large as readonly Naming[]).includes(naming) ? 'large' : 'small'
    const { depths } = shapes[size]
    const [stem, channels] = shape(facts, 'conv_stem.weight')
    const blocks = depths.flatMap((depth, stage) =>
      Array.from({ length: depth }, (_, block) => `blocks.${stage}.${block}`),
    )
    const expansions = blocks.map((block) => shape(facts, `${block}.conv_dw.weight`)[0]!)
    const widths = [
      stem!,
      ...blocks.map((block, i) => shape(facts, `${block}.conv_pw${i === 0 ? '' : 'l'}.weight`)[0]!),
      shape(facts, 'head.conv.weight')[0]!,
    ]
    const usual = [...widths, ...expansions].join() === usualWidths[size]
    return {
      name: `mobilenet-v3-${size}`,
      options: {
        stem: facts.stem ?? 'imagenet',
        channels: channels!,
        epsilon: naming.library === 'torchvision' ? 1e-3 : 1e-5,
        ...(!usual && { widths, expansions }),
      },
      multipleOf: 1,
    }
  },
  counterpart(ours) {
    const [, layer, weight] = /^(.*)\/(\w+)$/.exec(ours)!
    const outer = {
      'stem/conv': 'conv_stem',
      'stem/bn': 'bn1',
      'head/conv': 'head.conv',
      'head/bn': 'head.bn1',
    }
    const found = outer[layer as keyof typeof outer]
    if (found) return counterpart(found, weight!)
    const [, stage, block, part, kind] = /^stage(\d)\/block(\d+)\/(\w+)\/(\w+)$/.exec(layer!)!
    // The first stage expands nothing, so that its parts have other names.
    const names = stage === '1' ? first : others
    const name = `${part}/${kind}` as keyof typeof others
    return counterpart(`blocks.${Number(stage) - 1}.${Number(block) - 1}.${names[name]}`, weight!)
  },
}

const others = {
  'expand/conv': 'conv_pw',
  'expand/bn': 'bn1',
  'depthwise/conv': 'conv_dw',
  'depthwise/bn': 'bn2',
  'gate/1': 'se.conv_reduce',
  'gate/2': 'se.conv_expand',
  'project/conv': 'conv_pwl',
  'project/bn': 'bn3',
}
const first: typeof others = {
  ...others,
  'depthwise/bn': 'bn1',
  'project/conv': 'conv_pw',
  'project/bn': 'bn2',
}

/** Filters of the stem, after each block, of the last convolution, and inside each block: tables 1 and 2 of the paper. */
const usualWidths: Readonly<Record<Size, string>> = {
  large:
    '16,16,24,24,40,40,40,80,80,80,80,112,112,160,160,160,960,16,64,72,72,120,120,240,200,184,184,480,672,672,960,960',
  small: '16,16,24,24,40,40,40,48,48,96,96,96,576,16,72,88,96,240,240,120,144,288,576,576',
}

function shape(facts: FileFacts, timm: string): readonly number[] {
  const found = facts.shapeOf(timm)
  if (found) return found
  throw new SelfsupError(`${facts.path}: tensor ${timm} is missing`, {
    code: 'damaged-file',
    path: facts.path,
  })
}
