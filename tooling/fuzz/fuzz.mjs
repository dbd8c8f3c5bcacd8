// Reads thousands of mutated files with every reader, in processes of their own. Each must end within its time and memory
// with a result or a SelfsupError; anything else is reported, and its input kept under .cache/fuzz.
//   pnpm fuzz [--count 600] [--seed 1] [--reader tar,npy] [--seconds 10] [--megabytes 1024] [--only 123]
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { bundled } from './bundled.mjs'
import { fuzzWorker } from './fuzz-worker.mjs'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '600' },
    seed: { type: 'string', default: '1' },
    reader: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    megabytes: { type: 'string', default: '1024' },
    only: { type: 'string' },
    workers: { type: 'string', default: String(Math.min(4, availableParallelism())) },
  },
})
const [count, seed, seconds, megabytes, workers] = [
  values.count,
  values.seed,
  values.seconds,
  values.megabytes,
  values.workers,
].map(Number)

const kept = fileURLToPath(new URL('../../.cache/fuzz/', import.meta.url))
mkdirSync(kept, { recursive: true })
// Beside the packages' dependencies, so that what the bundle leaves outside is found.
const built = fileURLToPath(new URL(`./node_modules/.fuzz-${process.pid}/`, import.meta.url))
const failures = []
const tallies = new Map()
try {
  await bundled(built)
  const { readers } = await import(pathToFileURL(join(built, 'readers.mjs')).href)
  const { mutate, numbers } = await import(pathToFileURL(join(built, 'mutate.mjs')).href)
  const names =
    values.reader?.split(',') ?? Object.keys(readers).filter((name) => !name.startsWith('self-test'))
  for (const name of names)
    if (!readers[name])
      throw new Error(`there is no reader ${name}; there are ${Object.keys(readers).join(', ')}`)
  const samples = new Map()
  for (const name of names) samples.set(name, await readers[name].samples())

  let next = values.only === undefined ? 0 : Number(values.only)
  const end = values.only === undefined ? count : next + 1
  const started = performance.now()
  await Promise.all(
    Array.from({ length: Math.min(workers, end - next) }, async (_, number) => {
      const worker = fuzzWorker(join(built, 'worker.mjs'), { seconds, megabytes })
      while (next < end) {
        const index = next++
        const reader = names[index % names.length]
        const task = taskOf(reader, index, samples.get(reader), readers[reader].repair, mutate, numbers)
        const outcome = await worker.run({ ...task, folder: join(built, `input-${number}`) })
        const tally = tallies.get(reader) ?? { read: 0, refused: 0, failed: 0, slowest: 0 }
        tallies.set(reader, tally)
        tally.slowest = Math.max(tally.slowest, outcome.seconds)
        if (outcome.kind === 'read' || outcome.kind === 'refused') tally[outcome.kind]++
        else {
          tally.failed++
          failures.push({ index, reader, ...outcome, input: keep(task, index) })
        }
      }
      worker.end()
    }),
  )
  for (const [reader, { read, refused, failed, slowest }] of tallies)
    console.log(
      `${reader.padEnd(18)} ${String(read).padStart(6)} read ${String(refused).padStart(6)} refused ${String(failed).padStart(4)} failed  slowest ${slowest.toFixed(2)} s`,
    )
  console.log(
    `${end - (values.only === undefined ? 0 : Number(values.only))} inputs of seed ${seed} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  )
} finally {
  rmSync(built, { recursive: true, force: true })
}
for (const { index, reader, kind, message = '', input } of failures)
  console.log(
    `\n${reader}: ${kind} ${message}\n  input: ${input}\n  again: pnpm fuzz --seed ${seed} --only ${index}${values.reader ? ` --reader ${values.reader}` : ''}`,
  )
process.exitCode = failures.length > 0 ? 1 : 0

function taskOf(reader, index, all, repair, mutate, numbers) {
  const below = numbers(Math.imul(seed, 0x9e3779b1) + index)
  const [name, whole] = all[below(all.length)]
  const mutated = mutate(whole, below)
  const content = repair && below(2) === 0 ? repair(Buffer.from(mutated)) : mutated
  return { reader, name, content: content.toString('base64') }
}

function keep({ reader, name, content }, index) {
  const path = join(kept, `${reader}-${seed}-${index}-${name.replaceAll('/', '_')}`)
  writeFileSync(path, Buffer.from(content, 'base64'))
  return path
}
