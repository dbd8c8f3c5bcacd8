import { expected } from '@selfsup/core'

/**
 * Layer-wise learning-rate decay: the last block of a network has the full learning rate, each earlier block `decay` times
 * that of the next (ELECTRA: Clark et al. 2020; BEiT: Bao et al. 2021, arXiv:2106.08254, section 3.1), since early layers
 * are the most general. The block is the first part of a weight's name within its network, with the block number if there
 * is one: `stage1`, `stage2/block1`.
 * @param names weight names as returned by core's `weightNames`, from input to output
 * @param decay above 0, at most 1 (equal rates)
 * @returns factor of the learning rate, by weight name
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
