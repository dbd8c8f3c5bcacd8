import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

// Each example runs as a user runs it, against the built packages (`npm test` builds before it tests), on tiny images.
const here = fileURLToPath(new URL('.', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'selfsup-examples-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function run(program: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, SELFSUP_QUICK: '1', SELFSUP_ENGINE: 'wasm', TMPDIR: folder }
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, ...args], {
    cwd: here,
    env,
  })
  return stdout
}

/** A Python that has NumPy; undefined without one. */
const python = [process.env.SELFSUP_PYTHON, 'python3'].find(
  (command) => command && spawnSync(command, ['-c', 'import numpy']).status === 0,
)

test('pretrain-and-evaluate', async () => {
  const output = await run('pretrain-and-evaluate.ts')
  const accuracies = [...output.matchAll(/(kNN|linear probe) ([\d.]+) %/g)].map(([, , value]) =>
    Number(value),
  )
  expect(accuracies).toHaveLength(4)
  for (const accuracy of accuracies) expect(accuracy).toSatisfy((value: number) => value > 0 && value < 100)
  expect(output).toContain('4 steps') // 256 images in batches of 64
})

test('own-method', async () => {
  const losses = [...(await run('own-method.ts')).matchAll(/loss (-?[\d.]+)/g)].map(([, loss]) =>
    Number(loss),
  )
  expect(losses).toHaveLength(2)
  expect(losses[1]).toBeLessThan(losses[0]!)
})

test('search-by-image', async () => {
  const output = await run('search-by-image.ts')
  expect(output).toContain('added: 128')
  const [query] = /(?<=most like ).*(?=:)/.exec(output)!
  const found = [...output.matchAll(/^ {2}(\S+) ([\d.]+)$/gm)].map(([, name, cosine]) => [
    name,
    Number(cosine),
  ])
  expect(found).toHaveLength(5)
  expect(found[0]).toEqual([query, 1]) // nothing is more like an image than itself
  expect(found.map(([, cosine]) => cosine)).toEqual(
    found
      .map(([, cosine]) => cosine)
      .sort()
      .reverse(),
  )
})

test('cluster-and-name', async () => {
  const output = await run('cluster-and-name.ts')
  const members = [...output.matchAll(/^cluster \d+: .*?, (\d+) images/gm)].map(([, count]) => Number(count))
  expect(members).toHaveLength(20)
  expect(members.reduce((sum, count) => sum + count, 0)).toBe(256)
})

test.skipIf(!python)(
  'features-in-python: NumPy finds the same neighbours (needs python3 with numpy)',
  async () => {
    const output = await run('features-in-python.ts', folder)
    const { stdout } = await promisify(execFile)(python!, [join(here, 'features_in_python.py'), folder])
    expect(/nearest neighbour accuracy .*/.exec(stdout)?.[0]).toBe(
      /nearest neighbour accuracy .*/.exec(output)?.[0],
    )
  },
)

test('the README lists every program', async () => {
  const programs = (await readdir(here)).filter((name) => /^[a-z_-]+\.(ts|py)$/.test(name))
  const readme = await readFile(join(here, 'README.md'), 'utf8')
  expect(programs.filter((name) => !readme.includes(`](${name})`))).toEqual([])
})
