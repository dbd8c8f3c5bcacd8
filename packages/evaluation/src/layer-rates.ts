import { expected } from '@selfsup/core'

/**
 * Layer-wise learning-rate decay: the last block of a network learns at the full rate, each block before at `decay` times
 * that of the next (ELECTRA: Clark et al. 2020; BEiT: Bao et al. 2021, arXiv:2106.08254, section 3.1), for what was
 * pretrained first is the most general. Blocks are the first part of weights' names within their network, and the block's
 * number beside it: `stage1`, `stage2/block1`.
 * @param names of the weights as `weightNames` of core gives them, from input to output
 * @param decay above 0, at most 1 (all alike)
 * @returns by name, what the learning rate is multiplied by
 */
export function layerRates(names: readonly string[], decay: number): Record<string, number> {
  expected(decay > 0 && decay <= 1, `layerRates: decay must be above 0 and at most 1; got ${decay}`)
  const blocks = [...new Set(names.map(blockOf))]
  const depth = new Map(blocks.map((block, i) => [block, blocks.length - 1 - i]))
  return Object.fromEntries(names.map((name) => [name, decay ** depth.get(blockOf(name))!]))
}

function blockOf(name: string): string {
  const [network, first = '', second = ''] = name.split('/')
  return [network, first, ...(/^block\d+$/.test(second) ? [second] : [])].join('/')
}
