import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { readSafetensors } from './index.js'

const packages = fileURLToPath(new URL('../../', import.meta.url))
const script = join(packages, 'train', 'node_modules', '.killed-test', `child-${process.pid}.mjs`)

/** Bundles the sources into one JavaScript file, because a child process can't run TypeScript on Node 20. */
const sources: Plugin = {
  name: 'sources',
  setup(build) {
    build.onResolve({ filter: /^@selfsup\// }, ({ path }) => ({
      path: join(packages, path.slice('@selfsup/'.length), 'src', 'index.ts'),
    }))
    build.onLoad({ filter: /packages.[a-z-]+.src.*\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
    }))
    build.onResolve({ filter: /^@?[a-z]/ }, ({ path, importer, kind }) => {
      if (kind === 'entry-point' || isBuiltin(path)) return undefined
      // Resolve from the importing package, because the bundle is in a different folder.
      return { path: pathToFileURL(createRequire(importer).resolve(path)).href, external: true }
    })
  },
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-killed-'))
  await mkdir(join(script, '..'), { recursive: true })
  await build({
    entryPoints: [join(packages, 'train', 'src', 'fixtures', 'child.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [sources],
  })
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

describe.each(testEngines())('%s', (engine) => {
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
