import { derive, expected } from '@selfsup/core'
import { membersOfClasses, sample } from './few-shot.js'

/** Parts of the labels at which CPC v2 measures (Hénaff et al. 2020, arXiv:1905.09272, figure 1), and 100 %. */
export const labelParts: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1]

/**
 * Positions of the examples that keep their label, for each part: the same part of each class (one example at
 * least), chosen by the seed, and nested: each larger part holds the smaller ones. The part 1 is all
 * labelled examples.
 * @param labels class of each example, -1 where it has none
 * @param parts 0..1, of each class's examples
 * @returns positions in ascending order, for each part in the order given
 * @throws SelfsupError when no example has a label or a part is not within (0, 1]
 */
export function labelSubsets(
  labels: Int32Array,
  parts: readonly number[] = labelParts,
  { seed = 1 }: { readonly seed?: number } = {},
): Uint32Array[] {
  const wrong = parts.find((part) => !(part > 0 && part <= 1))
  expected(
    wrong === undefined,
    `labelSubsets: parts of the labels must be above 0 and at most 1 (all there are); got ${wrong}`,
  )
  const members = membersOfClasses({ labels })
  expected(members.length > 0, 'labelSubsets: no example has a label')
  const orders = members.map((rows, c) =>
    sample(rows.length, rows.length, derive([seed, 0x1abe1], c)).map((i) => rows[i]!),
  )
  return parts.map((part) =>
    Uint32Array.from(
      orders.flatMap((order) => order.slice(0, Math.max(1, Math.round(part * order.length)))),
    ).sort(),
  )
}
