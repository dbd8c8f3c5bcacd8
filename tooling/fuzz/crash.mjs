// Kills `selfsup index` and `selfsup evaluate --all` by SIGKILL at many points in time. After each kill the index opens and has only whole rows,
// and every record and feature file is whole. After the last kill both are completed by running the command again, and equal the results of a
// run that was never killed.
//   pnpm crash [--points 50] [--seed 1] [--only index|evaluate] [--folder FOLDER]
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bundled } from './bundled.mjs'

const { values: flags } = parseArgs({
  options: {
    points: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
  },
})
const points = Number(flags.points)
const folder = mkdtempSync(join(flags.folder, 'selfsup-crash-'))
// Inside this folder, so that imports that are not bundled resolve.
const built = fileURLToPath(new URL(`./node_modules/.crash-${process.pid}/`, import.meta.url))

/**
 * Runs a command, and kills it some time after its start, after it has printed its engine, when most of the work begins, or after the first
 * change of a file in the run's folder.
 * @param {readonly string[]} args the second is the run's folder
 * @param {{ after: number, from: 'start' | 'engine' | 'write' }} [kill] milliseconds; never if absent
 * @returns {Promise<{ code: number | null, ms: number, engineMs: number, stderr: string }>}
 */
function command(args, kill) {
  return new Promise((resolve) => {
    const started = performance.now()
    let engineMs = 0
    const child = spawn(process.execPath, [join(built, 'crash-command.mjs'), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const killLater = () => {
      timer = setTimeout(() => child.kill('SIGKILL'), kill?.after)
    }
    if (kill?.from === 'start') killLater()
    const watcher = kill?.from === 'write' ? watch(String(args[1]), { recursive: true }) : undefined
    watcher?.once('change', killLater)
    watcher?.on('error', () => {}) // a folder that was removed while its files were listed
    let stderr = ''
    child.stderr.on('data', (data) => {
      stderr = `${stderr}${data}`.slice(-2000)
      if (engineMs > 0 || !stderr.includes('Engine: ')) return
      engineMs = performance.now() - started
      if (kill?.from === 'engine') killLater()
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      watcher?.close()
      resolve({ code, ms: performance.now() - started, engineMs, stderr })
    })
  })
}

/** @param {readonly string[]} args */
async function completed(args) {
  const result = await command(args)
  if (result.code !== 0)
    throw new Error(`selfsup ${args.join(' ')} ended with ${result.code}:\n${result.stderr}`)
  return result
}

let state = Number(flags.seed)
/** A random number, 0..1. */
function random() {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31
  return state / 2 ** 31
}

/**
 * Kills a command again and again, going on in the same folder until the command has finished, then in a fresh one.
 * @template State
 * @param {string} name
 * @param {string} run a run's folder
 * @param {readonly string[]} args of the command, after its name and the run
 * @param {(run: string) => Promise<Map<string, State>>} stateOf
 * @param {(a: State, b: State) => boolean} same
 */
async function crash(name, run, args, stateOf, same) {
  const whole = join(folder, `${name}-whole`)
  cpSync(run, whole, { recursive: true })
  const { ms, engineMs } = await completed([name, whole, ...args])
  const reference = await stateOf(whole)
  const work = ms - engineMs
  console.log(
    `${name}: ${Math.round(engineMs)} ms to the engine, ${Math.round(work)} ms after it; ${reference.size} results`,
  )

  const killed = join(folder, `${name}-killed`)
  /** @type {number[]} */
  const sizes = []
  let finished = 0
  const complete = async () => {
    await completed([name, killed, ...args])
    const found = await stateOf(killed)
    if (found.size !== reference.size)
      throw new Error(`${name}: ${found.size} results instead of ${reference.size}`)
    for (const [key, value] of reference) {
      const other = found.get(key)
      if (other === undefined || !same(value, other)) throw new Error(`${name}: ${key} differs`)
    }
    finished++
    rmSync(killed, { recursive: true })
  }
  for (let kills = 0; kills < points; ) {
    cpSync(run, killed, { recursive: true, force: false })
    const kind = random()
    /** @type {NonNullable<Parameters<typeof command>[1]>} */
    const kill =
      kind < 0.2
        ? { from: 'start', after: (0.5 + 0.6 * random()) * engineMs }
        : kind < 0.6
          ? { from: 'engine', after: random() * work * (random() < 0.5 ? 1 : 0.3) }
          : { from: 'write', after: random() ** 3 * work }
    const { code, stderr } = await command([name, killed, ...args], kill)
    const found = await stateOf(killed)
    for (const key of found.keys()) if (!reference.has(key)) throw new Error(`${name}: ${key} is unknown`)
    if (code === null) {
      kills++
      sizes.push(found.size)
    } else if (code !== 0) throw new Error(`${name} ended with ${code}:\n${stderr}`)
    if (code !== null || found.size === reference.size || kills === points) await complete()
  }
  console.log(
    `${name}: ${points} kills, results after each: ${sizes.join(' ')}; completed ${finished} times, with the same results`,
  )
}

try {
  await bundled(built, ['crash-command', 'crash-state'])
  /** @type {typeof import('./crash-state.js')} */
  const { evaluatedRecords, indexedImages } = await import(pathToFileURL(join(built, 'crash-state.mjs')).href)
  const sharp = (await import('sharp')).default
  for (const [split, count] of /** @type {const} */ ([
    ['train', 24],
    ['test', 16],
  ]))
    for (let i = 0; i < count; i++) {
      const kind = i % 2
      mkdirSync(join(folder, split, `class-${kind}`), { recursive: true })
      const side = 16
      const pixels = Uint8Array.from({ length: side * side * 3 }, () => 255 * random() * (kind ? 0.4 : 1))
      await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toFile(join(folder, split, `class-${kind}`, `${i}.png`))
    }
  // Enough images for two writes to the index.
  mkdirSync(join(folder, 'many'))
  const names = Array.from({ length: 2400 }, (_, i) => `${i}.png`)
  for (let at = 0; at < names.length; at += 100)
    await Promise.all(
      names.slice(at, at + 100).map((name) => {
        const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, () => 255 * random())
        const image = sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } })
        return image.png({ compressionLevel: 0 }).toFile(join(folder, 'many', name))
      }),
    )
  const run = join(folder, 'run')
  const engine = ['--engine', 'wasm']
  const small = ['--backbone', 'convnet', '--size', '16', '--batch', '8', '--limit', '2']
  await completed(['pretrain', 'simclr', join(folder, 'train'), '--out', run, ...small, ...engine])

  if (flags.only !== 'evaluate')
    await crash('index', run, [join(folder, 'many'), ...engine], indexedImages, (a, b) =>
      a.every((value, i) => Math.abs(value - (b[i] ?? 2)) < 1e-5),
    )
  if (flags.only !== 'index')
    await crash(
      'evaluate',
      run,
      [join(folder, 'train'), join(folder, 'test'), '--all', '--quick', '--steps', '2', ...engine],
      evaluatedRecords,
      (a, b) => a === b,
    )
} finally {
  rmSync(built, { recursive: true, force: true })
  rmSync(folder, { recursive: true, force: true })
}
