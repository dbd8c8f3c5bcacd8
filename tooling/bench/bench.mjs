// Runs a benchmark, ours and the peer's alternately:
//   node tooling/bench/bench.mjs NAME [--quick] [--json] [--record] [--ours-only] [--peer-only]
// Each side is a separate program, whose last line of output is { rows: [{ case, value, unit }] }.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { busyCores } from './busy-cores.mjs'
import { cifarFolder } from './cifar.mjs'
import { inTurns } from './in-turns.mjs'
import { featuresFolder } from './knn-features.mjs'
import { peersPython } from './peers.mjs'
import { record } from './record.mjs'
import { table, tableRows } from './table.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
/**
 * A benchmark: the script of its peer, rounds, variables for the environment of both sides, and, if they take turns, the name
 * of the only case.
 * @typedef {object} Bench
 * @property {string} [peer]
 * @property {number} rounds
 * @property {(quick: boolean) => Record<string, string>} [environment]
 * @property {string} [turns]
 */

/** @type {Readonly<Record<string, Bench>>} */
const benches = {
  step: { peer: 'step.py', rounds: 3 },
  losses: { peer: 'losses.py', rounds: 3 },
  augment: { peer: 'augment.py', rounds: 3 },
  learn: { peer: 'learn.py', rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  loop: { peer: 'loop-bare.mjs', rounds: 1, turns: 'whole run, against the training steps alone' },
  dispatch: { peer: 'dispatch-tfjs-node.mjs', rounds: 3 },
  methods: {
    peer: 'methods-lightly.mjs', // saved results of lightly
    rounds: 1,
    environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }),
  },
  settings: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  knn: {
    peer: 'knn.py',
    rounds: 3,
    environment: (quick) => ({ SELFSUP_FEATURES: featuresFolder(quick) }),
  },
  gpu: { peer: 'gpu.py', rounds: 1 }, // needs an NVIDIA GPU
  kernels: { peer: 'kernels-stock.mjs', rounds: 1 }, // on WebGPU, against compositions of TensorFlow.js's operations
  'kernels-torch': { peer: 'kernels-torch.py', rounds: 1 }, // the same on WebGPU, against PyTorch on the processor
  webgpu: { peer: 'webgpu-stock.mjs', rounds: 1 }, // a whole step on WebGPU, and what it gives the device
  distributed: { rounds: 1 }, // compares with Gloo itself, in the same run
  'distributed-faults': { rounds: 1 },
  leak: { rounds: 1 }, // compares with itself at a later step
  resnet50: { rounds: 1 }, // without a peer
  imagenet: { peer: 'imagenet.py', rounds: 1 },
  // Without a peer: accuracy of a method, compared with random weights.
  cpc: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  'metric-learning': { rounds: 1 },
  generative: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  iic: { rounds: 1 },
  index: { rounds: 1 },
  detection: { rounds: 1 },
  captioning: { rounds: 1 },
  advise: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  select: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  distillation: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
  export: { peer: 'export.py', rounds: 1 }, // differences from features in other programs
  bands: { rounds: 1 },
  pretext: { rounds: 1, environment: (quick) => ({ SELFSUP_CIFAR10: cifarFolder(quick) }) },
}
/** Programs with their own options, which they print themselves. */
const alone = ['gpu-check', 'cifar90']
if (alone.includes(process.argv[2] ?? '')) {
  const [program, ...args] = process.argv.slice(2)
  const { status } = spawnSync(process.execPath, [`${here}${program}.mjs`, ...args], { stdio: 'inherit' })
  process.exit(status ?? 1)
}
const known = ['--quick', '--json', '--record', '--ours-only', '--peer-only']
const [name = '', ...flags] = process.argv.slice(2)
const strange = flags.find((flag) => !known.includes(flag))
const chosen = benches[name]
if (!chosen || strange) {
  if (strange) console.error(`unknown flag ${strange}`)
  console.error(
    `usage: pnpm bench NAME ${known.map((flag) => `[${flag}]`).join(' ')}; NAME is one of ${[...Object.keys(benches), ...alone].join(', ')}`,
  )
  process.exit(1)
}
const { peer, environment, ...bench } = chosen
const quick = flags.includes('--quick')
const rounds = quick ? 1 : bench.rounds

/** @type {NodeJS.ProcessEnv} */
let env
try {
  env = { ...process.env, SELFSUP_QUICK: quick ? '1' : '', ...environment?.(quick) }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}

/**
 * Runs a side and returns its results; undefined if it failed, with the reason on stderr.
 * @param {string} command
 * @param {string} script
 * @returns {import('./built.js').Report | undefined}
 */
function measure(command, script) {
  const { status, stdout, stderr, signal } = spawnSync(command, [`${here}${script}`], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env,
  })
  if (signal === 'SIGINT') process.exit(130)
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  console.error(`${script} failed:\n${(stderr ?? '').trim().split('\n').slice(-8).join('\n')}`)
  return undefined
}

const python = peer?.endsWith('.py') && !flags.includes('--ours-only') ? peersPython() : undefined
/** @type {[side: 'ours' | 'peer', command: string, script: string][]} */
const sides = []
if (!flags.includes('--peer-only')) sides.push(['ours', process.execPath, `${name}.mjs`])
if (peer && !flags.includes('--ours-only')) {
  if (!peer.endsWith('.py')) sides.push(['peer', process.execPath, peer])
  else if (python) sides.push(['peer', python, peer])
}

// Other programs on the same cores slow the two sides down differently, so that the results are not comparable.
const busy = await busyCores()
if (busy > 0.2)
  console.error(`Other programs are using ${busy.toFixed(1)} cores: the results will be inaccurate`)
/** @type {import('./built.js').Measured[]} */
const measured = []
let whole = sides.length > 0
if (bench.turns) {
  const results = await inTurns(
    sides.map(([, command, script]) => /** @type {const} */ ([command, `${here}${script}`])),
    env,
  )
  for (const [i, [side]] of sides.entries()) {
    const result = results[i]
    if (result)
      measured.push({
        side,
        engine: result.report.engine,
        rows: [{ case: bench.turns, ...result }],
      })
    else whole = false
  }
}
for (let round = 0; round < (bench.turns ? 0 : rounds); round++) {
  for (const [side, command, script] of sides) {
    const result = measure(command, script)
    if (result) measured.push({ side, ...result })
    else whole = false
  }
  console.error(`round ${round + 1} of ${rounds} done`)
}

const rows = tableRows(measured)
console.log(table(rows))
if (flags.includes('--record')) {
  if (whole) record(name, { rows, quick, rounds, busy, measured })
  else console.error('Not recorded, because a part failed')
}
if (flags.includes('--json')) console.log(JSON.stringify({ name, rows }))
process.exitCode = whole ? 0 : 1
