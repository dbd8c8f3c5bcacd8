// Measures the first command of a new user on a folder of photos: when it prints something, when it has finished its first step, the longest
// silence until then, and its peak memory.
//   node tooling/bench/first-command.mjs PHOTOS [arguments of pretrain]
// PHOTOS is created with 360 JPEGs of up to 4000 x 3000 pixels if it does not exist (this takes minutes). Linux only (/proc).
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writePhotos } from './photos.mjs'

const [photos, ...more] = process.argv.slice(2)
if (!photos) throw new Error('usage: node tooling/bench/first-command.mjs PHOTOS [arguments of pretrain]')
await writePhotos(photos, 360)
const command =
  process.env.SELFSUP_BIN ?? fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'first-command-'))
const started = performance.now()
const seconds = () => (performance.now() - started) / 1000
const child = spawn(
  process.execPath,
  [command, 'pretrain', 'simclr', photos, '--out', join(folder, 'run'), ...more],
  { stdio: ['ignore', 'ignore', 'pipe'] },
)
let peak = 0
const watch = setInterval(() => {
  try {
    const [, kilobytes] = /VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
    peak = Math.max(peak, Number(kilobytes ?? 0) / 1e6)
  } catch {} // the process has just ended
}, 100)
/** @type {number | undefined} */
let firstOutput
/** @type {number | undefined} */
let firstStep
let last = 0
let silence = 0
child.stderr.on('data', (bytes) => {
  const text = String(bytes)
  process.stderr.write(`${seconds().toFixed(1).padStart(6)} s  ${text}`)
  firstOutput ??= seconds()
  if (firstStep === undefined) silence = Math.max(silence, seconds() - last)
  last = seconds()
  if (/step \d+\/\d+ /.test(text)) firstStep ??= seconds()
})
const code = await new Promise((resolve) => child.on('close', resolve))
clearInterval(watch)
rmSync(folder, { recursive: true, force: true })
const facts = { code, firstOutput, firstStep, longestSilence: silence, total: seconds(), peakGB: peak }
console.log(
  JSON.stringify(facts, (_, value) => (typeof value === 'number' ? Number(value.toFixed(2)) : value)),
)
