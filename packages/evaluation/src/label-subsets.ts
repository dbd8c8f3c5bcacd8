import { derive, expected } from '@selfsup/core'
import { membersOfClasses, sample } from './few-shot.js'

/** Label fractions of CPC v2's evaluation (Hénaff et al. 2020, arXiv:1905.09272, figure 1), and 100 %. */
export const labelParts: readonly number[] = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1]

/**
 * Class-balanced, nested subsets of the labels: for each fraction, the positions of the examples that keep their label. Each
 * subset has the same fraction of every class (at least one example), is drawn with the seed, and contains the smaller
 * subsets. The fraction 1 is all labelled examples.
 * @param labels class of each example, -1 if it has none
 * @param parts fractions of each class's examples, above 0 and at most 1
 * @returns positions in ascending order, for each fraction in the given order
 * @throws SelfsupError if no example has a label or a fraction is out of range
 */
export function labelSubsets(
  labels: Int32Array,
  parts: readonly number[] = labelParts,
  { seed = 1 }: { readonly seed?: number } = {},
): Uint32Array[] {
  const wrong = parts.find((part) => !(part > 0 && part <= 1))
  expected(
    wrong === undefined,
    `labelSubsets: fractions of the labels must be above 0 and at most 1; got ${wrong}`,
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
