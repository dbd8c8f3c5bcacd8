/** @import { Row } from './built.js' */
/** @import { Command, Part } from './limited-parts.mjs' */
// All measurements on an NVIDIA GPU in ten minutes: `pnpm bench gpu-check`. Results are saved after each part, and a second call
// runs what is missing.
//   --parts check,step   only these parts, and those whose names start with one of these words
//   --seconds 570        for all parts together
//   --out FILE           default .cache/gpu-check/results.json
//   --dry                small sizes on the processor, to test every part
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runParts } from './limited-parts.mjs'
import { load } from './packages.mjs'

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: '' },
    seconds: { type: 'string' },
    out: { type: 'string' },
    again: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
})
const { dry } = values
const name = dry ? 'dry.json' : 'results.json'
const file = values.out ?? fileURLToPath(new URL(`../../.cache/gpu-check/${name}`, import.meta.url))
if (values.again) rmSync(file, { force: true })
const here = fileURLToPath(new URL('.', import.meta.url))
const cache = join(dirname(file), dry ? 'xla-dry' : 'xla')

const shared = {
  SELFSUP_DRY: dry ? '1' : '',
  SELFSUP_NEEDS_GPU: dry ? '' : '1',
  SELFSUP_ENGINE: 'tensorflow',
  SELFSUP_XLA_CACHE: cache,
  ...(dry && { CUDA_VISIBLE_DEVICES: '' }),
}
/** @param {readonly string[]} args @param {NodeJS.ProcessEnv} [env] @returns {Command} */
const ours = (args, env) => ({
  command: [process.execPath, join(here, 'gpu-check-work.mjs'), ...args],
  env: { ...shared, ...env },
})
const python = pythonWithTorch()
/** @param {string} precision @param {string} how @returns {Command} */
const peer = (precision, how) => ({
  command: [python, join(here, 'gpu-check.py'), precision, how],
  env: shared,
})
const precisions = { float32: 'off', bfloat16: 'on' }

/** @param {'float32' | 'bfloat16'} precision @param {'auto' | '0'} xla @param {number} seconds @returns {Part} */
const step = (precision, xla, seconds) => ({
  name: `step ${precision}${xla === '0' ? ' without XLA' : ''}`,
  seconds,
  measure(run) {
    // The first start of XLA is measured without what earlier calls compiled.
    if (xla === 'auto' && precision === 'bfloat16') rmSync(cache, { recursive: true, force: true })
    return run(ours(['step'], { SELFSUP_XLA: xla, SELFSUP_MIXED_PRECISION: precisions[precision] }))
  },
})
/** @param {'float32' | 'bfloat16'} precision @returns {Part} */
const second = (precision) => ({
  name: `second start ${precision}`,
  seconds: 40,
  measure: (run) => run(ours(['step'], { SELFSUP_XLA: '1', SELFSUP_MIXED_PRECISION: precisions[precision] })),
})
/** @param {string} precision @param {string} how @param {number} seconds @returns {Part} */
const pytorch = (precision, how, seconds) => ({
  name: `PyTorch ${precision} ${how}`,
  seconds,
  measure: (run) => run(peer(precision, how)),
})
const fastest = { SELFSUP_XLA: '1', SELFSUP_MIXED_PRECISION: 'on' }

/** Ordered by what would be missed most if the time ended. @type {readonly Part[]} */
const all = [
  { name: 'check', seconds: 45, measure: (run) => run(ours(['check'])) },
  step('bfloat16', 'auto', 100),
  pytorch('bfloat16', 'eager', 45),
  second('bfloat16'),
  { name: 'run', seconds: 60, measure: (run) => run(ours(['start'], fastest)) },
  { name: 'methods', seconds: 150, measure: methods },
  { name: 'checkpoint', seconds: 60, measure: (run) => run(ours(['checkpoint'], fastest)) },
  step('bfloat16', '0', 45),
  step('float32', 'auto', 90),
  pytorch('float32', 'eager', 45),
  pytorch('bfloat16', 'compile', 90),
  step('float32', '0', 45),
  second('float32'),
  pytorch('float32', 'compile', 90),
]

const wanted = values.parts.split(',').filter(Boolean)
const isWanted = (/** @type {Part} */ { name }) => wanted.some((part) => `${name} `.startsWith(`${part} `))
const chosen = wanted.length === 0 ? all : all.filter(isWanted)
if (chosen.length === 0) {
  console.error(`no part is named ${values.parts}; there are: ${all.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}
// The processor compiles more slowly, and other programs may use it.
const limits = dry ? chosen.map((part) => ({ ...part, seconds: part.seconds * 5 })) : chosen
const found = await runParts(limits, {
  file,
  seconds: Number(values.seconds ?? (dry ? 3000 : 570)),
  onPart: (name, { state, seconds, rows, error }) => {
    console.log(`${name}: ${state}, ${seconds.toFixed(1)} s${error ? `: ${error}` : ''}`)
    for (const { case: what, value, unit } of rows)
      console.log(`  ${what}: ${Number(value.toPrecision(5))} ${unit}`.trimEnd())
  },
})
compare()
console.log(`results: ${file}`)
process.exitCode = chosen.every(({ name }) => found[name]?.state === 'done') ? 0 : 1

/**
 * Relative differences between the losses of each method on the GPU and on the processor, both in float32. Six at a time.
 * @param {(command: Command) => Promise<Row[]>} run
 * @param {Row[]} rows
 */
async function methods(run, rows) {
  const { methodNames } = await load('runs')
  const queue = dry ? ['simclr', 'gan'] : [...methodNames()]
  /** @type {string[]} */
  const failures = []
  const plain = {
    SELFSUP_MIXED_PRECISION: 'off',
    SELFSUP_XLA: '0',
    NVIDIA_TF32_OVERRIDE: '0',
    SELFSUP_GPU_MEMORY: '',
  }
  const worker = async () => {
    for (let name = queue.shift(); name; name = queue.shift()) {
      const both = [
        ours(['method', name], plain),
        ours(['method', name], { ...plain, CUDA_VISIBLE_DEVICES: '', SELFSUP_NEEDS_GPU: '' }),
      ]
      const [device, processor] = await Promise.all(both.map(run)).catch((error) => {
        failures.push(`${name}: ${error instanceof Error ? error.message : error}`)
        return []
      })
      if (!device || !processor) continue
      for (const at of [0, processor.length - 1]) {
        const [a = Number.NaN, b = Number.NaN] = [device[at]?.value, processor[at]?.value]
        const value = Math.abs(a - b) / Math.max(1e-3, Math.abs(b))
        rows.push({
          case: `${name}, ${at === 0 ? 'first' : 'last'} loss, from the processor's`,
          value,
          unit: 'relative',
        })
      }
    }
  }
  await Promise.all(Array.from({ length: dry ? 1 : 6 }, worker))
  if (failures.length > 0) throw new Error(failures.join('\n'))
}

/** $SELFSUP_PEERS_PYTHON, the peers' environment, or the system's Python, whichever has PyTorch. Installs nothing. */
function pythonWithTorch() {
  const peers = fileURLToPath(new URL('../../.cache/peers/bin/python', import.meta.url))
  const candidates = [process.env.SELFSUP_PEERS_PYTHON, peers, 'python3'].filter((path) => path !== undefined)
  const look = 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)'
  return candidates.find((path) => spawnSync(path, ['-c', look]).status === 0) ?? 'python3'
}

/** The goals, from the parts that were measured. */
function compare() {
  /** @param {string} part @param {string} what */
  const value = (part, what) => found[part]?.rows.find(({ case: name }) => name === what)?.value
  const speed = 'speed with views'
  /** @type {readonly (readonly [string, number | undefined, number | undefined])[]} */
  const ratios = [
    [
      'bfloat16, against PyTorch eager with autocast',
      value('step bfloat16', speed),
      value('PyTorch bfloat16 eager', speed),
    ],
    [
      'bfloat16, against torch.compile',
      value('step bfloat16', speed),
      value('PyTorch bfloat16 compile', speed),
    ],
    ['float32, against PyTorch eager', value('step float32', speed), value('PyTorch float32 eager', speed)],
    ['bfloat16, against our float32', value('step bfloat16', speed), value('step float32', speed)],
    ['run, against its own step', value('run', 'run'), value('run', 'its step alone')],
  ]
  if (dry) console.log('ratios, which mean nothing here: PyTorch runs another network')
  for (const [what, a, b] of ratios) if (a && b) console.log(`${what}: ${(a / b).toFixed(3)}`)
}
