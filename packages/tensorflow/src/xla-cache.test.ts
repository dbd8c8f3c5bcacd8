import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleSources } from '../../../tooling/vitest/bundle-sources.js'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { findTensorflow } from './find.js'
import { clearXlaCache, openXlaCache, xlaCacheFlags } from './xla-cache.js'

const target = { version: '2.21.0', addon: 'binding-1', libraries: '', device: 'a processor' }
let folder: string
beforeAll(() => {
  folder = temporaryFolder()
})

describe('openXlaCache', () => {
  test('has a folder for each TensorFlow, addon, device and set of libraries', () => {
    const root = join(folder, 'keys')
    const first = openXlaCache(root, target)!
    expect(first).toMatch(/2\.21\.0-[0-9a-f]{16}$/)
    expect(openXlaCache(root, { ...target })).toBe(first)
    for (const other of [{ version: '2.22.0' }, { addon: 'b' }, { libraries: 'cudnn' }, { device: 'a GPU' }])
      expect(openXlaCache(root, { ...target, ...other })).not.toBe(first)
  })

  test('is not used where files cannot be made, or TensorFlow cannot read its path', () => {
    writeFileSync(join(folder, 'a-file'), '')
    expect(openXlaCache(join(folder, 'a-file'), target)).toBeUndefined()
    expect(openXlaCache(join(folder, 'with space'), target)).toBeUndefined()
  })

  test('removes empty files, then the least recently used ones of all targets, and no file that is being written', () => {
    const root = join(folder, 'bounds')
    const own = openXlaCache(root, target)!
    const other = openXlaCache(root, { ...target, device: 'another' })!
    mkdirSync(join(own, 'autotune'))
    const file = (path: string, bytes: number, secondsAgo: number) => {
      writeFileSync(path, Buffer.alloc(bytes))
      const at = Date.now() / 1000 - secondsAgo
      utimesSync(path, at, at)
    }
    file(join(own, 'new.pb'), 400, 10)
    file(join(other, 'old.pb'), 400, 300)
    file(join(own, 'autotune', 'used.textproto'), 400, 20)
    file(join(own, 'empty.pb'), 0, 5)
    file(join(own, 'being-written.tmp'), 4000, 1)
    openXlaCache(root, target, 1000)
    expect(readdirSync(other)).toEqual([])
    expect(readdirSync(own, { recursive: true }).sort()).toEqual(
      ['autotune', join('autotune', 'used.textproto'), 'being-written.tmp', 'new.pb'].sort(),
    )
    clearXlaCache(own)
    expect(readdirSync(own, { recursive: true }).sort()).toEqual(['autotune', 'being-written.tmp'])
  })
})

test("xlaCacheFlags keeps the user's flags", () => {
  expect(xlaCacheFlags('/c', false, {})).toEqual({ TF_XLA_FLAGS: '--tf_xla_persistent_cache_directory=/c' })
  expect(xlaCacheFlags('/c', true, { TF_XLA_FLAGS: '--x=1', XLA_FLAGS: '--y' })).toEqual({
    TF_XLA_FLAGS: '--x=1 --tf_xla_persistent_cache_directory=/c',
    XLA_FLAGS: '--y --xla_gpu_per_fusion_autotune_cache_dir=/c/autotune',
  })
  expect(xlaCacheFlags('/c', false, { TF_XLA_FLAGS: '--tf_xla_persistent_cache_directory=/mine' })).toEqual(
    {},
  )
})

const packages = fileURLToPath(new URL('../../', import.meta.url))

describe.runIf(findTensorflow()?.source === 'selfsup')('compiled programs', () => {
  const script = join(packages, 'tensorflow', 'node_modules', '.xla-cache-test', `child-${process.pid}.mjs`)
  beforeAll(async () => {
    mkdirSync(join(script, '..'), { recursive: true })
    await bundleSources(join(packages, 'tensorflow', 'src', 'fixtures', 'xla-child.ts'), script)
  })
  afterAll(() => rmSync(script, { force: true }))

  test('are used again by the next process, with the same losses, and compiled again if damaged', async () => {
    const root = join(folder, 'programs')
    const run = async (): Promise<number[]> => {
      const env = { ...process.env, SELFSUP_XLA_CACHE: root, TF_XLA_FLAGS: '' }
      const { stdout } = await promisify(execFile)(process.execPath, [script], { env })
      return JSON.parse(stdout)
    }
    const files = () =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.pb'))
        .map((name) => ({ path: join(root, name), written: statSync(join(root, name)).mtimeMs }))

    const first = await run()
    expect(first[2]).toBeLessThan(first[0]!)
    const written = files()
    expect(written.length).toBeGreaterThan(0)

    expect(await run()).toEqual(first)
    expect(files()).toEqual(written) // loaded, not compiled

    for (const { path } of written) truncateSync(path, 1000)
    expect(await run()).toEqual(first)
    expect(files().map(({ path }) => statSync(path).size > 1000)).toEqual(written.map(() => true))
  })
})
