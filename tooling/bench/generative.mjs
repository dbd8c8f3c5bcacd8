// Generative methods in two parts. Each part is a separate program that saves its results and resumes after an interruption.
// SELFSUP_PART=autoencoders or adversarial runs only that part.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const parts = ['autoencoders', 'adversarial'].filter(
  (part) => !process.env.SELFSUP_PART || part === process.env.SELFSUP_PART,
)
const found = parts.map((part) => {
  const script = fileURLToPath(new URL(`generative-${part}.mjs`, import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) process.exit(1)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
})
console.log(JSON.stringify({ engine: found[0].engine, rows: found.flatMap(({ rows }) => rows) }))
