// Benchmarks, ours and the peer's alternately in one run: node tooling/bench/bench.mjs NAME [--quick] [--json] [--record]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
const names = ['step', 'augment', 'losses']
const [name, ...flags] = process.argv.slice(2)
if (!names.includes(name)) {
  console.error(`usage: pnpm bench NAME [--quick] [--json] [--record]; NAME is one of ${names.join(', ')}`)
  process.exit(1)
}
const quick = flags.includes('--quick')
const rounds = quick ? 2 : 5

/** The last line of a program's output as JSON; undefined, with the reason on stderr, when it fails. */
function measure(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, SELFSUP_QUICK: quick ? '1' : '' },
  })
  if (status !== 0) {
    console.error(`${command} ${args.join(' ')} failed:\n${stderr.trim().split('\n').slice(-5).join('\n')}`)
    return undefined
  }
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

/** Python with lightly and torch: $SELFSUP_PEERS_PYTHON, or an environment made once under .cache/peers. */
function peersPython() {
  if (process.env.SELFSUP_PEERS_PYTHON) return process.env.SELFSUP_PEERS_PYTHON
  const folder = join(root, '.cache', 'peers')
  const python = join(folder, 'bin', 'python')
  const stamp = join(folder, 'ready')
  if (existsSync(stamp)) return python
  console.error('Making the peers’ Python environment in .cache/peers; this takes a few minutes once')
  mkdirSync(folder, { recursive: true })
  const steps = [
    ['python3', ['-m', 'venv', folder]],
    [python, ['-m', 'pip', 'install', '-q', 'torch', 'torchvision', 'lightly==1.6.*']],
  ]
  for (const [command, args] of steps) {
    const { status } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    if (status !== 0) {
      console.error(
        'The peers cannot be installed here; ours run alone. SELFSUP_PEERS_PYTHON may name a Python that has them.',
      )
      return undefined
    }
  }
  writeFileSync(stamp, '')
  return python
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
const python = peersPython()
const collected = new Map() // case -> { unit, better, ours: [], peers: Map(label -> []) }
for (let round = 0; round < rounds; round++) {
  const results = [
    ['ours', measure(process.execPath, [join(here, `${name}.mjs`)])],
    ['peer', python && measure(python, [join(here, `${name}.py`)])],
  ]
  for (const [side, rows] of results) {
    for (const { case: label, value, unit } of rows ?? []) {
      const entry = collected.get(label) ?? { unit, ours: [], peer: [] }
      entry[side].push(value)
      collected.set(label, entry)
    }
  }
  console.error(`round ${round + 1} of ${rounds} done`)
}

const lowerIsBetter = new Set(['ms', 'MB', 's'])
const rows = [...collected].map(([label, { unit, ours, peer }]) => {
  const [a, b] = [ours.length ? median(ours) : null, peer.length ? median(peer) : null]
  const ratio = a === null || b === null ? null : lowerIsBetter.has(unit) ? b / a : a / b
  return { case: label, ours: a, peer: b, unit, ratio }
})
const show = (value) => (value === null ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(2))
const lines = [
  '| case | ours | peer | unit | times better |',
  '| --- | --- | --- | --- | --- |',
  ...rows.map(
    (row) => `| ${row.case} | ${show(row.ours)} | ${show(row.peer)} | ${row.unit} | ${show(row.ratio)} |`,
  ),
]
console.log(lines.join('\n'))
if (flags.includes('--record')) record(lines)
if (flags.includes('--json')) console.log(JSON.stringify({ name, rows }))

/** Writes this benchmark's section of RESULTS.md anew. */
function record(table) {
  const path = join(here, 'RESULTS.md')
  const head = '# Results\n\nMedians of the last recorded runs; each ratio is taken within one run.\n'
  const text = existsSync(path) ? readFileSync(path, 'utf8') : head
  const versions = python
    ? measure(python, [
        '-c',
        'import json, torch, lightly; print(json.dumps({"torch": torch.__version__, "lightly": lightly.__version__}))',
      ])
    : {}
  const section = [
    `## ${name}`,
    '',
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model.trim()}, ${cpus().length} cores, Node ${process.version}, TensorFlow 2.21, torch ${versions?.torch}, lightly ${versions?.lightly}; \`pnpm bench ${name}${quick ? ' --quick' : ''}\`, ${rounds} rounds`,
    '',
    ...table,
    '',
  ].join('\n')
  const sections = text.split(/^(?=## )/m).filter((part) => !part.startsWith(`## ${name}\n`))
  writeFileSync(path, `${sections.map((part) => part.trimEnd()).join('\n\n')}\n\n${section}`)
}
