import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleSources } from '../../../tooling/vitest/bundle-sources.js'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { readSafetensors } from './index.js'

const packages = fileURLToPath(new URL('../../', import.meta.url))
const script = join(packages, 'train', 'node_modules', '.killed-test', `child-${process.pid}.mjs`)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-killed-'))
  await mkdir(join(script, '..'), { recursive: true })
  await bundleSources(join(packages, 'train', 'src', 'fixtures', 'child.ts'), script)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await rm(script, { force: true })
})

function child(out: string, engine: string, resume: boolean, killAt = 0) {
  return new Promise<{ signal: string | null; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [script, out, engine, resume ? '1' : '0', String(killAt)],
      (error, stdout, stderr) => resolve({ signal: error?.signal ?? null, stdout, stderr }),
    )
  })
}

describe.each(testEngines().slice(0, 1))('%s', (engine) => {
  test('a run that is killed repeatedly ends with the same bits as an uninterrupted one', async () => {
    const whole = join(folder, `${engine}-whole`)
    const killed = join(folder, `${engine}-killed`)
    const { stdout, stderr } = await child(whole, engine, false)
    expect(stdout, stderr).toContain('"step":15')

    for (const [i, killAt] of [2, 9].entries()) {
      const { signal, stderr } = await child(killed, engine, i > 0, killAt)
      expect(signal, stderr).toBe('SIGKILL')
    }
    const last = await child(killed, engine, true)
    expect(last.stdout, last.stderr).toContain('"step":15')

    const name = 'step-00000015.safetensors'
    const end = await readSafetensors(join(killed, 'checkpoints', name))
    expect(end).toEqual(await readSafetensors(join(whole, 'checkpoints', name)))
    expect(Object.keys(end.tensors)).toContain('networks/backbone/dense_Dense1/kernel')

    const losses = async (run: string) =>
      (await readFile(join(run, 'metrics.jsonl'), 'utf8'))
        .split('\n')
        .map((line) => line.replace(/"imagesPerSecond":[^,}]+/, ''))
    expect(await losses(killed)).toEqual(await losses(whole))
    expect((await readdir(join(killed))).filter((file) => file.includes('lock'))).toEqual([])
  })
})
