import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { table } from './table.mjs'

const path = fileURLToPath(new URL('RESULTS.md', import.meta.url))
const head = `# Results

The last recorded run of each benchmark; medians over its rounds, ours and the peer's alternately. Only compare results within a run, not
between machines.
`

/**
 * Replaces a benchmark's section of RESULTS.md: machine, date, versions, table.
 * @param {string} name
 * @param {object} found
 * @param {readonly import('./built.js').TableRow[]} found.rows
 * @param {boolean} found.quick
 * @param {number} found.rounds
 * @param {number} found.busy cores that other programs used
 * @param {readonly import('./built.js').Measured[]} found.measured
 */
export function record(name, { rows, quick, rounds, busy, measured }) {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : head
  const engine = measured.find(({ side }) => side === 'ours')?.engine
  const versions = measured.find(({ side }) => side === 'peer')?.versions
  const facts = [
    new Date().toISOString().slice(0, 10),
    `${cpus()[0]?.model.trim()}, ${cpus().length} cores`,
    busy > 0.2 ? `other programs took ${busy.toFixed(1)} cores at the start` : undefined,
    `Node ${process.version}`,
    engine,
    versions,
    `\`pnpm bench ${name}${quick ? ' --quick' : ''}\`, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`,
  ]
  const section = `## ${name}\n\n${facts.filter(Boolean).join('; ')}\n\n${table(rows)}`
  const others = text.split(/^(?=## )/m).filter((part) => !part.startsWith(`## ${name}\n`))
  writeFileSync(path, `${[...others.map((part) => part.trimEnd()), section].join('\n\n')}\n`)
}
