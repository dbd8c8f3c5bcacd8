/** @import { mutate as Mutate, numbers as Numbers } from './mutate.js' */
/** @import { Reader } from './readers.js' */
/** @import { Task } from './worker.js' */
// Passes thousands of mutated files to every reader, in separate processes. Each read must end within its limits of time and memory, with a
// result or a SelfsupError. Anything else is reported as a failure, and its input is saved in .cache/fuzz.
//   pnpm fuzz [--count 600] [--from 0] [--seed 1] [--reader tar,npy] [--seconds 10] [--megabytes 1024] [--only 123]
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
    from: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    reader: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    megabytes: { type: 'string', default: '1024' },
    only: { type: 'string' },
    workers: { type: 'string', default: String(Math.min(4, availableParallelism())) },
  },
})
const count = Number(values.count)
const seed = Number(values.seed)
const seconds = Number(values.seconds)
const megabytes = Number(values.megabytes)
const workers = Number(values.workers)

const inputs = fileURLToPath(new URL('../../.cache/fuzz/', import.meta.url))
mkdirSync(inputs, { recursive: true })
// Inside this folder, so that imports that are not bundled resolve.
const built = fileURLToPath(new URL(`./node_modules/.fuzz-${process.pid}/`, import.meta.url))
/** @type {{ index: number, reader: string, kind: string, message?: string, input: string }[]} */
const failures = []
/** @type {Map<string, { read: number, refused: number, failed: number, slowest: number }>} */
const tallies = new Map()
try {
  await bundled(built)
  /** @type {{ readers: Readonly<Record<string, Reader>> }} */
  const { readers } = await import(pathToFileURL(join(built, 'readers.mjs')).href)
  /** @type {{ mutate: typeof Mutate, numbers: typeof Numbers }} */
  const { mutate, numbers } = await import(pathToFileURL(join(built, 'mutate.mjs')).href)
  const names =
    values.reader?.split(',') ?? Object.keys(readers).filter((name) => !name.startsWith('self-test'))
  const chosen = await Promise.all(
    names.map(async (name) => {
      const reader = readers[name]
      if (!reader) throw new Error(`unknown reader ${name}; use one of ${Object.keys(readers).join(', ')}`)
      return { name, samples: await reader.samples(), repair: reader.repair }
    }),
  )

  /**
   * The input of a number: the same for the same seed.
   * @param {number} index
   * @returns {Omit<Task, 'folder'>}
   */
  function taskOf(index) {
    const { name: reader, samples, repair } = at(chosen, index % chosen.length)
    const below = numbers(Math.imul(seed, 0x9e3779b1) + index)
    const [name, original] = at(samples, below(samples.length))
    const mutated = mutate(original, below)
    const content = repair && below(2) === 0 ? repair(Buffer.from(mutated)) : mutated
    return { reader, name, content: content.toString('base64') }
  }

  const first = Number(values.only ?? values.from)
  const end = first + (values.only === undefined ? count : 1)
  let next = first
  const started = performance.now()
  await Promise.all(
    Array.from({ length: Math.min(workers, end - next) }, async (_, number) => {
      const worker = fuzzWorker(join(built, 'worker.mjs'), { seconds, megabytes })
      while (next < end) {
        const index = next++
        const task = taskOf(index)
        const { reader } = task
        const outcome = await worker.run({ ...task, folder: join(built, `input-${number}`) })
        const tally = tallies.get(reader) ?? { read: 0, refused: 0, failed: 0, slowest: 0 }
        tallies.set(reader, tally)
        tally.slowest = Math.max(tally.slowest, outcome.seconds)
        if (outcome.kind === 'read' || outcome.kind === 'refused') tally[outcome.kind]++
        else {
          tally.failed++
          failures.push({ index, reader, ...outcome, input: save(task, index) })
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
    `${end - first} inputs of seed ${seed}, from number ${first}, in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  )
} finally {
  rmSync(built, { recursive: true, force: true })
}
for (const { index, reader, kind, message = '', input } of failures)
  console.log(
    `\n${reader}: ${kind} ${message}\n  input: ${input}\n  again: pnpm fuzz --seed ${seed} --only ${index}${values.reader ? ` --reader ${values.reader}` : ''}`,
  )
process.exitCode = failures.length > 0 ? 1 : 0

/**
 * @template Item
 * @param {readonly Item[]} items
 * @param {number} index
 * @returns {Item}
 */
function at(items, index) {
  const item = items[index]
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`)
  return item
}

/**
 * Saves the input of a failure.
 * @param {Omit<Task, 'folder'>} task
 * @param {number} index
 * @returns path of the file
 */
function save({ reader, name, content }, index) {
  const path = join(inputs, `${reader}-${seed}-${index}-${name.replaceAll('/', '_')}`)
  writeFileSync(path, Buffer.from(content, 'base64'))
  return path
}
