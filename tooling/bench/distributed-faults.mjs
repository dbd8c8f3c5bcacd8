// What several workers do when something goes wrong: node tooling/bench/distributed-faults.mjs [CASE ...]
// Each case must end with an error that names the worker at fault, and the run, continued or started again, with the weights of a run
// without a fault. Linux only, because it finds the processes of `selfsup launch` in /proc.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { replacing } from './distributed-equal.mjs'
import { freeAddresses } from './distributed-parts.mjs'
import { load } from './packages.mjs'

/** @import { ChildProcess } from 'node:child_process' */
/** @import { Row } from './built.js' */

/**
 * A command of the command line that runs, with what it printed so far.
 * @typedef {object} Process
 * @property {ChildProcess} child
 * @property {string} text
 * @property {Promise<{ code: number | null, signal: string | null, at: number }>} ended
 */

const { readSafetensors } = await load('train')
const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'selfsup-faults-'))

const STEPS = 160
/** Time in which the others must have stopped. */
const LIMIT_S = 60
/** Time that a worker waits for the others at the start. */
const PATIENCE_S = 30
const EVERY = 10
const SETTINGS = [
  ...[
    'pretrain',
    'simclr',
    'shapes',
    '--count',
    '96',
    '--size',
    '16',
    '--backbone',
    'convnet',
    '--batch',
    '24',
  ],
  ...['--epochs', String(STEPS / 4), '--checkpoint-every', String(EVERY), '--set', 'outputs=16', '--json'],
]

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))
/** @type {Set<Process>} */
const running = new Set()
process.on('exit', () => {
  for (const { child } of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

/**
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, nodeArgs?: readonly string[], space?: string }} [options] space: a network namespace
 * @returns {Process}
 */
function start(args, { env = {}, nodeArgs = [], space } = {}) {
  const [program = '', ...rest] = [
    ...(space ? ['ip', 'netns', 'exec', space] : []),
    ...[process.execPath, ...nodeArgs, bin, ...args],
  ]
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1', SELFSUP_MIXED_PRECISION: 'off', ...env },
  })
  /** @type {Process} */
  const own = {
    child,
    text: '',
    ended: new Promise((resolve) => {
      child.on('close', (code, signal) => {
        running.delete(own)
        resolve({ code, signal, at: Date.now() })
      })
    }),
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      own.text += chunk
    })
  }
  running.add(own)
  return own
}

/**
 * Starts one worker of a run.
 * @param {string} out
 * @param {readonly string[]} addresses
 * @param {number} rank
 * @param {{ more?: readonly string[], nodeArgs?: readonly string[], resume?: boolean, space?: string }} [options]
 */
function worker(out, addresses, rank, { more = [], nodeArgs = [], resume = false, space } = {}) {
  const place = ['--workers', addresses.join(','), '--rank', String(rank)]
  const command = resume ? ['resume', out, '--json'] : [...SETTINGS, '--out', out]
  return start([...command, ...place, '--workers-timeout', String(PATIENCE_S), ...more], { nodeArgs, space })
}

/** @param {string} out */
const launched = (out) => start(['launch', '-n', '2', '--', ...SETTINGS, '--out', out])

/** @param {string} out */
function newest(out) {
  const place = join(out, 'checkpoints')
  if (!existsSync(place)) return 0
  return Math.max(
    0,
    ...readdirSync(place).map((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? 0)),
  )
}

/**
 * Waits for a checkpoint in the middle of a run.
 * @param {string} out
 * @param {readonly Process[]} processes
 */
async function inTheMiddle(out, processes) {
  while (newest(out) < 2 * EVERY) {
    if (processes.some(({ child }) => child.exitCode !== null))
      throw new Error(`ended too early:\n${processes.map(({ text }) => text).join('\n')}`)
    await setTimeout(20)
  }
}

/** SHA-256 of all values in a finished run's last checkpoint. @param {string} out */
async function weightsOf(out) {
  const step = newest(out)
  if (step !== STEPS) return `unfinished: step ${step}`
  const file = join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`)
  const { tensors } = await readSafetensors(file)
  const hash = createHash('sha256')
  for (const name of Object.keys(tensors).sort()) {
    const { values } = /** @type {{ values: Float32Array }} */ (tensors[name])
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return hash.digest('hex')
}

/**
 * Waits for processes to end, at most `seconds`.
 * @param {readonly Process[]} processes
 * @param {number} since
 * @param {number} [seconds]
 * @returns {Promise<number>} seconds until the last one ended; infinite if one still runs
 */
async function ending(processes, since, seconds = 2 * LIMIT_S) {
  const all = Promise.all(processes.map(({ ended }) => ended))
  const ends = await Promise.race([all, setTimeout(1000 * seconds, undefined, { ref: false })])
  return ends ? (Math.max(...ends.map(({ at }) => at)) - since) / 1000 : Number.POSITIVE_INFINITY
}

/** @param {readonly Process[]} processes */
async function kill(processes) {
  for (const { child } of processes) child.kill('SIGKILL')
  await Promise.all(processes.map(({ ended }) => ended))
}

/**
 * Continues a run with all workers, or starts it if it has not begun.
 * @param {string} out
 * @param {number} count 0: with `launch -n 2`
 */
async function continued(out, count) {
  const resume = existsSync(join(out, 'config.json'))
  if (count === 0) {
    const again = resume ? start(['launch', '-n', '2', '--', 'resume', out, '--json']) : launched(out)
    await ending([again], Date.now(), 300)
    return weightsOf(out)
  }
  const addresses = await freeAddresses(count)
  const workers = addresses.map((_, rank) => worker(out, addresses, rank, { resume }))
  await ending(workers, Date.now(), 300)
  const weights = await weightsOf(out)
  if (weights.startsWith('unfinished'))
    console.error(workers.map(({ text }) => text.slice(-1500)).join('\n---\n'))
  return weights
}

/**
 * @typedef {object} Outcome
 * @property {string} out the run's folder
 * @property {number} count number of workers; 0: `launch -n 2`
 * @property {number} seconds time until all others had stopped
 * @property {readonly (readonly [Process, RegExp])[]} named what the others must have printed
 * @property {boolean} [whole] whether the run must have ended without an error
 * @property {readonly string[]} [faults] what else went wrong
 */

/** @type {Map<number, string>} */
const references = new Map()
/** Weights of a run without a fault. @param {number} count */
async function reference(count) {
  const known = references.get(count)
  if (known) return known
  const weights = await continued(join(folder, `without a fault ${count}`), count)
  references.set(count, weights)
  return weights
}

/** The processes that `selfsup launch` has started. @param {Process} launcher */
function childrenOf({ child: { pid } }) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** Whether a process has ended. @param {number} pid */
const gone = (pid) => !existsSync(`/proc/${pid}`)

/** @param {number} rank */
const answers = (rank) => new RegExp(`worker ${rank} \\([^)]*\\) stopped or does not answer`)
/** @param {number} rank */
const absent = (rank) => new RegExp(`worker ${rank} \\([^)]*\\)[^"]* did not start within`)

/**
 * A run of three workers of which one gets a fault in the middle.
 * @param {string} out
 * @param {number} bad
 * @param {(worker: Process) => unknown} fault
 * @returns {Promise<{ workers: Process[], others: Process[], seconds: number }>}
 */
async function broken(out, bad, fault) {
  const addresses = await freeAddresses(3)
  const workers = addresses.map((_, rank) => worker(out, addresses, rank))
  await inTheMiddle(out, workers)
  fault(/** @type {Process} */ (workers[bad]))
  const since = Date.now()
  const others = workers.filter((_, rank) => rank !== bad)
  return { workers, others, seconds: await ending(others, since) }
}

/**
 * Stops a worker of three for a minute. It must end too when it goes on.
 * @param {string} out
 * @param {number} bad
 * @returns {Promise<Outcome>}
 */
async function stopped(out, bad) {
  const since = Date.now()
  const { workers, others, seconds } = await broken(out, bad, ({ child }) => child.kill('SIGSTOP'))
  await setTimeout(Math.max(0, 60_000 - 1000 * seconds))
  const woken = Date.now()
  const worker = /** @type {Process} */ (workers[bad])
  worker.child.kill('SIGCONT')
  const own = await ending([worker], woken)
  console.error(
    `  the stopped worker ended ${own.toFixed(1)} s after it went on; ${((woken - since) / 1000).toFixed(0)} s in all`,
  )
  return {
    out,
    count: 3,
    seconds: Math.max(seconds, own),
    named: [
      ...others.map((other) => /** @type {const} */ ([other, answers(bad)])),
      [worker, /stopped or does not answer/],
    ],
  }
}

/**
 * A worker whose settings differ from the others'.
 * @param {string} out
 * @param {{ more?: readonly string[], nodeArgs?: readonly string[] }} other
 * @param {RegExp} what
 * @param {number} [bad]
 * @returns {Promise<Outcome>}
 */
async function differing(out, other, what, bad = 1) {
  const addresses = await freeAddresses(2)
  const since = Date.now()
  const workers = addresses.map((_, rank) => worker(out, addresses, rank, rank === bad ? other : {}))
  const seconds = await ending(workers, since)
  const named = new RegExp(
    `worker ${bad || 1} \\([^)]*\\) does not train the same run as worker 0 \\([^)]*\\): ${what.source}`,
  )
  return { out, count: 2, seconds, named: workers.map((own) => [own, named]) }
}

/** Runs `ip` or `ss`, as root. @param {string} command @returns {boolean} whether it succeeded */
function network(command) {
  const [program = '', ...args] = command.split(' ')
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}

const SPACE = `selfsup-${process.pid}`
const [LINK, INSIDE] = [`sf${process.pid}a`, `sf${process.pid}b`]
const [HERE, THERE] = ['10.99.24.1', '10.99.24.2']

/**
 * Cuts off worker 1, which runs in a network of its own behind a link of two interfaces.
 * @param {string} out
 * @param {'pull' | 'reset'} how pull the cable; or reset all connections again and again
 * @returns {Promise<Outcome>}
 */
async function blocked(out, how) {
  const made = [
    `ip netns add ${SPACE}`,
    `ip link add ${LINK} type veth peer name ${INSIDE} netns ${SPACE}`,
    `ip addr add ${HERE}/24 dev ${LINK}`,
    `ip link set ${LINK} up`,
    `ip -n ${SPACE} addr add ${THERE}/24 dev ${INSIDE}`,
    `ip -n ${SPACE} link set ${INSIDE} up`,
    `ip -n ${SPACE} link set lo up`,
  ].every(network)
  try {
    if (!made) throw new Error('this case needs network namespaces: run it as root')
    const ports = (await freeAddresses(3)).map((address) => address.split(':')[1])
    const addresses = ports.map((port, rank) => `${rank === 1 ? THERE : HERE}:${port}`)
    const workers = addresses.map((_, rank) =>
      worker(out, addresses, rank, rank === 1 ? { space: SPACE } : {}),
    )
    await inTheMiddle(out, workers)
    const since = Date.now()
    const cut = () =>
      how === 'pull' ? network(`ip -n ${SPACE} link set ${INSIDE} down`) : network(`ss -K dst ${THERE}`)
    if (!cut()) throw new Error('could not cut the connection')
    const again = setInterval(cut, 200)
    const seconds = await ending(workers, since)
    clearInterval(again)
    const [first, second, third] = /** @type {[Process, Process, Process]} */ (workers)
    const lost = /stopped or does not answer|connection to/
    return {
      out,
      count: 3,
      seconds,
      named:
        how === 'pull'
          ? [
              [first, answers(1)],
              [third, answers(1)],
              [second, lost],
            ]
          : [
              [first, /worker 1/],
              [third, /worker 1/],
              [second, lost],
            ],
    }
  } finally {
    network(`ip netns del ${SPACE}`)
    network(`ip link del ${LINK}`)
  }
}

/** @type {Readonly<Record<string, (out: string) => Promise<Outcome>>>} */
const cases = {
  async 'worker 1 killed'(out) {
    const { others, seconds } = await broken(out, 1, ({ child }) => child.kill('SIGKILL'))
    return { out, count: 3, seconds, named: others.map((other) => [other, answers(1)]) }
  },
  async 'worker 0 killed'(out) {
    const { others, seconds } = await broken(out, 0, ({ child }) => child.kill('SIGKILL'))
    return { out, count: 3, seconds, named: others.map((other) => [other, answers(0)]) }
  },
  'worker 2 stopped for a minute': (out) => stopped(out, 2),
  'worker 0 stopped for a minute': (out) => stopped(out, 0),
  'network of worker 1 cut off': (out) => blocked(out, 'pull'),
  'connections of worker 1 reset': (out) => blocked(out, 'reset'),
  async 'port of worker 1 taken by another program'(out) {
    const addresses = await freeAddresses(3)
    const taken = createServer((socket) => socket.on('error', () => {}))
    await new Promise((resolve) =>
      taken.listen(Number(addresses[1]?.split(':')[1]), '127.0.0.1', () => resolve(undefined)),
    )
    const workers = addresses.map((_, rank) => worker(out, addresses, rank))
    const since = Date.now()
    const seconds = await ending(workers, since)
    taken.close()
    const [first, second, third] = /** @type {[Process, Process, Process]} */ (workers)
    const port = new RegExp(`${addresses[1]}`)
    return {
      out,
      count: 3,
      seconds,
      named: [
        [first, absent(1)],
        [third, absent(1)],
        [second, port],
      ],
    }
  },
  async 'port of worker 1 taken by a worker of another run'(out) {
    const other = join(folder, 'the other run')
    const [a, b, c] = await freeAddresses(3)
    const first = [0, 1].map((rank) => worker(other, [a ?? '', b ?? ''], rank))
    await inTheMiddle(other, first)
    const since = Date.now()
    // Worker 1 can't listen. Worker 0 gets answers from the worker of the other run.
    const second = [0, 1].map((rank) => worker(out, [c ?? '', b ?? ''], rank))
    const seconds = await ending(second, since)
    await ending(first, Date.now(), 300)
    const faults = (await weightsOf(other)) === (await reference(2)) ? [] : ['the other run was disturbed']
    const [own, listening] = /** @type {[Process, Process]} */ (second)
    return {
      out,
      count: 2,
      seconds,
      faults,
      named: [
        [own, /worker 1 \(/],
        [listening, new RegExp(b ?? '')],
      ],
    }
  },
  async 'address of worker 0 is that of another run'(out) {
    const other = join(folder, 'the other run, too')
    const [a, b, c] = await freeAddresses(3)
    const first = [0, 1].map((rank) => worker(other, [a ?? '', b ?? ''], rank))
    await inTheMiddle(other, first)
    const since = Date.now()
    const second = [0, 1].map((rank) => worker(out, [a ?? '', c ?? ''], rank))
    const seconds = await ending(second, since)
    await ending(first, Date.now(), 300)
    const faults = (await weightsOf(other)) === (await reference(2)) ? [] : ['the other run was disturbed']
    const [listening, own] = /** @type {[Process, Process]} */ (second)
    return {
      out,
      count: 2,
      seconds,
      faults,
      named: [
        [own, /worker 0 \(/],
        [listening, new RegExp(a ?? '')],
      ],
    }
  },
  async 'worker 2 starts 30 s late'(out) {
    const addresses = await freeAddresses(3)
    const since = Date.now()
    const workers = [0, 1].map((rank) => worker(out, addresses, rank))
    await setTimeout(30_000)
    workers.push(worker(out, addresses, 2))
    const seconds = await ending(workers, since, 300)
    return {
      out,
      count: 3,
      seconds,
      named: [[/** @type {Process} */ (workers[0]), /waiting for worker 2/]],
      whole: true,
    }
  },
  async 'worker 2 never starts'(out) {
    const addresses = await freeAddresses(3)
    const since = Date.now()
    const workers = [0, 1].map((rank) => worker(out, addresses, rank))
    const seconds = await ending(workers, since)
    return { out, count: 3, seconds, named: workers.map((own) => [own, absent(2)]) }
  },
  'another seed': (out) => differing(out, { more: ['--seed', '9'] }, /the seed differs/),
  'another batch': (out) => differing(out, { more: ['--batch', '12'] }, /the batch size differs/),
  'another batch at worker 0': (out) =>
    differing(out, { more: ['--batch', '12'] }, /the batch size differs/, 0),
  'another method option': (out) =>
    differing(out, { more: ['--set', 'temperature=0.2'] }, /the method's options differ/),
  'another number of images': (out) =>
    differing(out, { more: ['--count', '100'] }, /the image count differs/),
  'another version': (out) =>
    differing(
      out,
      { nodeArgs: replacing(/packages\/train\/dist\//, /(version: ")\d+\.\d+\.\d+(")/, '$10.9.0$2') },
      /the version differs/,
    ),
  async 'rank given twice'(out) {
    const addresses = await freeAddresses(3)
    const since = Date.now()
    const workers = [0, 1, 1].map((rank) => worker(out, addresses, rank))
    const seconds = await ending(workers, since)
    const [first, ...twice] = /** @type {[Process, Process, Process]} */ (workers)
    // One of the two can't listen at the address; the other waits for worker 2 as worker 0 does.
    const busy = twice.filter(({ text }) => text.includes(addresses[1] ?? '') && !absent(2).test(text))
    const waiting = twice.filter(({ text }) => absent(2).test(text))
    const faults =
      busy.length === 1 && waiting.length === 1
        ? []
        : ['expected one worker that can not listen, and one that waits']
    return { out, count: 3, seconds, faults, named: [[first, absent(2)]] }
  },
  async 'launch: a worker killed'(out) {
    const launcher = launched(out)
    await inTheMiddle(out, [launcher])
    process.kill(/** @type {number} */ (childrenOf(launcher)[1]), 'SIGKILL')
    const seconds = await ending([launcher], Date.now())
    return { out, count: 0, seconds, named: [[launcher, answers(1)]] }
  },
  async 'launch: worker 0 killed'(out) {
    const launcher = launched(out)
    await inTheMiddle(out, [launcher])
    process.kill(/** @type {number} */ (childrenOf(launcher)[0]), 'SIGKILL')
    const seconds = await ending([launcher], Date.now())
    return { out, count: 0, seconds, named: [[launcher, answers(0)]] }
  },
  async 'launch: a worker stopped for good'(out) {
    const launcher = launched(out)
    await inTheMiddle(out, [launcher])
    const [first, second] = /** @type {[number, number]} */ (childrenOf(launcher))
    process.kill(second, 'SIGSTOP')
    const since = Date.now()
    while (!gone(first) && Date.now() - since < 1000 * LIMIT_S) await setTimeout(100)
    const seconds = gone(first) ? (Date.now() - since) / 1000 : Number.POSITIVE_INFINITY
    // The launcher ends the stopped worker a minute later.
    const own = await ending([launcher], since, 3 * LIMIT_S)
    console.error(`  launch itself ended after ${own.toFixed(1)} s`)
    const faults = [
      ...(own < 2 * LIMIT_S ? [] : ['launch did not end']),
      ...(gone(second) ? [] : ['the stopped worker is still there']),
    ]
    return { out, count: 0, seconds, faults, named: [[launcher, answers(1)]] }
  },
}

/**
 * @param {readonly string[]} chosen names of cases
 * @returns {Promise<{ rows: Row[], failures: string[] }>}
 */
export async function faults(chosen = Object.keys(cases)) {
  /** @type {Row[]} */
  const rows = []
  /** @type {string[]} */
  const failures = []
  for (const name of chosen) {
    const run = cases[name]
    if (!run) throw new Error(`no case ${name}; one of ${Object.keys(cases).join('; ')}`)
    const out = join(folder, name.replace(/\W+/g, '-'))
    const { count, seconds, named, faults = [], whole = false } = await run(out)
    const problems = [...faults]
    const began = existsSync(join(out, 'config.json'))
    if (!whole && !(seconds <= LIMIT_S)) problems.push(`took ${seconds} s`)
    for (const [{ text }, expected] of named) {
      if (!expected.test(text)) problems.push(`expected ${expected} in:\n${text.slice(-1500)}`)
      if (/^\s+at .*\(/m.test(text)) problems.push(`a stack trace:\n${text.slice(-1500)}`)
    }
    await kill([...running])
    const finished = newest(out) === STEPS
    if (finished !== whole)
      problems.push(whole ? 'the run did not end' : 'the run ended in spite of the fault')
    const reached = newest(out)
    if (whole || began) {
      const weights = whole ? await weightsOf(out) : await continued(out, count)
      if (weights !== (await reference(count)))
        problems.push(`other weights than without a fault: ${weights}`)
    } else if (existsSync(out)) problems.push('something was written, although the run had not begun')
    const state = problems.length === 0 ? 'ok' : 'FAILED'
    const from = whole ? '' : began ? `, continued from step ${reached}` : ', nothing was written'
    console.error(
      `${state} ${name}: ${seconds.toFixed(1)} s${from}${problems.map((text) => `\n  ${text}`).join('')}`,
    )
    rows.push({ case: name, value: seconds, unit: 's' })
    if (problems.length > 0) failures.push(name)
  }
  return { rows, failures }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, failures } = await faults(process.argv.length > 2 ? process.argv.slice(2) : undefined)
  console.log(JSON.stringify({ rows, failures }))
  process.exit(failures.length === 0 ? 0 : 1)
}
