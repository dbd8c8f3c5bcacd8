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
}

/**
 * The benchmarks of the results file, by name.
 * @param text Markdown: a section a benchmark, each with a table `case | ours | peer | unit | ...`
 */
export function benchmarks(text = readText('tooling/bench/RESULTS.md')): ReadonlyMap<string, Benchmark> {
  const [, ...sections] = text.split(/^## /m)
  return new Map(
    sections.map((section) => {
      const name = section.split('\n', 1)[0]!.trim()
      const conditions = section.split('\n\n')[1]!.replaceAll('\n', ' ').trim()
      const rows = [...section.matchAll(/^\| (?!case |---)(.+) \|$/gm)].map(([, row]): ResultRow => {
        const [label = '', ours = '', peer = '', unit = ''] = row!.split(' | ')
        return { name: label, ours, peer, unit }
      })
      return [name, { name, conditions, rows }]
    }),
  )
}
