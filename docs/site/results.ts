import { readText } from './repository.js'

/** One line of a table of benchmark results. */
interface ResultRow {
  readonly name: string
  readonly ours: string
  readonly peer: string
  readonly unit: string
}

/** One benchmark of tooling/bench/RESULTS.md. */
export interface Benchmark {
  readonly name: string
  /** when, on what machine, by which command: the paragraph below the heading */
  readonly conditions: string
  readonly rows: readonly ResultRow[]
  /** whether it was made in bfloat16 by the mixed precision before the present one */
  readonly earlierPrecision: boolean
}

/**
 * The benchmarks of the results file, by name.
 * @param text Markdown: a section a benchmark, each with a table `case | ours | peer | unit | ...`
 */
export function benchmarks(text = readText('tooling/bench/RESULTS.md')): ReadonlyMap<string, Benchmark> {
  const [intro = '', ...sections] = text.split(/^## /m)
  // The paragraph of the introduction about bfloat16 names the benchmarks that the earlier mixed precision measured.
  const notice = intro.split('\n\n').find((paragraph) => paragraph.includes('bfloat16')) ?? ''
  const earlier = new Set([...notice.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name))
  return new Map(
    sections.map((section) => {
      const name = section.split('\n', 1)[0]!.trim()
      const conditions = section.split('\n\n')[1]!.replaceAll('\n', ' ').trim()
      const rows = [...section.matchAll(/^\| (?!case |---)(.+) \|$/gm)].map(([, row]): ResultRow => {
        const [label = '', ours = '', peer = '', unit = ''] = row!.split(' | ')
        return { name: label, ours, peer, unit }
      })
      const earlierPrecision = earlier.has(name) && /bfloat16/.test(section)
      return [name, { name, conditions, rows, earlierPrecision }]
    }),
  )
}
