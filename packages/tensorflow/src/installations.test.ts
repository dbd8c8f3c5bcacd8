import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { places } from './find.js'
import { listInstallations, removeInstallations } from './installations.js'
import { LIBRARY_RECORD } from './library-record.js'
import { wheelByPlatform } from './platform.js'
import { verifyBinding } from './verify.js'

vi.mock('./verify.js', () => ({ verifyBinding: vi.fn(async () => ({ gpu: false })) }))
vi.mock('./platform.js', async (original) => ({
  ...(await original<typeof import('./platform.js')>()),
  thisPlatform: () => ({ platform: 'linux', arch: 'x64' }),
  hasNvidiaDriver: () => false,
}))

let folder: string
let cacheFolder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selfsup-installations-'))
  cacheFolder = join(folder, 'cache')
  mkdirSync(join(cacheFolder, 'tensorflow'), { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const cpu = 'tensorflow-cpu-2.21.0-linux-x64'
const cuda = 'tensorflow-cuda-2.21.0-linux-x64'

function install(withCuda = false): string {
  const { root, library, binding } = places(
    wheelByPlatform({ platform: 'linux', arch: 'x64' }, withCuda)!,
    cacheFolder,
  )
  mkdirSync(binding, { recursive: true })
  writeFileSync(join(binding, 'selfsup.node'), '')
  writeFileSync(join(library, 'lib.so'), '12345')
  writeFileSync(
    join(root, LIBRARY_RECORD),
    JSON.stringify({ [withCuda ? 'tensorflow/lib.so' : 'lib.so']: 5 }),
  )
  return root
}

const list = () => listInstallations({ cacheFolder, from: '/nowhere' })
const remove = (names: readonly string[] | 'all') => removeInstallations(names, { cacheFolder })

describe('listInstallations', () => {
  test('returns an empty list without installations', async () => {
    expect(await list()).toEqual([])
    expect(await listInstallations({ cacheFolder: join(folder, 'none'), from: '/nowhere' })).toEqual([])
  })

  test('reports version, size, which is used and whether it works', async () => {
    install()
    install(true)
    vi.mocked(verifyBinding).mockRejectedValueOnce(new Error('needs a processor with AVX'))
    const found = await list()
    expect(found).toMatchObject([
      {
        name: cpu,
        version: '2.21.0',
        cuda: false,
        taken: true,
        works: false,
        reason: 'needs a processor with AVX',
      },
      { name: cuda, version: '2.21.0', cuda: true, taken: false, works: true },
    ])
    expect(found[0]!.bytes).toBeGreaterThan(5)
  })

  test('reports incomplete installations, other bindings and remains of an interruption', async () => {
    const root = install()
    writeFileSync(join(root, 'lib.so'), '123')
    mkdirSync(join(cacheFolder, 'tensorflow', `${cuda}.123.partial`))
    mkdirSync(join(cacheFolder, 'tensorflow', 'mine'))
    expect(await list()).toMatchObject([
      { name: cpu, works: false, reason: 'incomplete', taken: false },
      { name: `${cuda}.123.partial`, works: false, reason: 'left by an interrupted installation' },
    ])
    writeFileSync(join(root, 'lib.so'), '12345')
    for (const name of readdirSync(root))
      if (name.startsWith('binding-')) rmSync(join(root, name), { recursive: true })
    expect((await list())[0]).toMatchObject({
      reason: 'its binding belongs to a different version of @selfsup/tensorflow',
    })
  })
})

describe('removeInstallations', () => {
  test('removes by name or all, but no foreign folders', async () => {
    install()
    install(true)
    const mine = join(cacheFolder, 'tensorflow', 'mine')
    mkdirSync(mine)
    expect(await remove([cuda])).toEqual([cuda])
    expect((await list()).map(({ name }) => name)).toEqual([cpu])
    expect(await remove('all')).toEqual([cpu])
    expect(await remove('all')).toEqual([])
    expect(readdirSync(join(cacheFolder, 'tensorflow'))).toEqual(['mine'])
  })

  test.each(['../../elsewhere', 'mine', 'tensorflow-cpu-2.21.0-linux-arm64', '.', '/'])(
    'rejects the name %s',
    async (name) => {
      install()
      mkdirSync(join(cacheFolder, 'tensorflow', 'mine'))
      mkdirSync(join(folder, 'elsewhere'))
      await expect(remove([name])).rejects.toThrow(/: unknown installation /)
      expect(existsSync(join(folder, 'elsewhere'))).toBe(true)
      expect((await list()).map(({ name }) => name)).toEqual([cpu])
    },
  )

  test('does not follow symbolic links', async () => {
    const elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'file'), '')
    symlinkSync(elsewhere, join(cacheFolder, 'tensorflow', cpu))
    await expect(remove([cpu])).rejects.toThrow('nothing is installed')
    expect(await remove('all')).toEqual([])
    expect(readdirSync(elsewhere)).toEqual(['file'])
  })

  test.runIf(process.platform === 'linux')(
    'keeps an installation that another process has open',
    async () => {
      const root = install()
      // A process maps the program that it runs.
      const program = join(root, 'sleep')
      const { copyFileSync } = await import('node:fs')
      copyFileSync('/bin/sleep', program)
      const child = spawn(program, ['30'])
      try {
        await vi.waitFor(async () => expect((await list())[0]!.users).toEqual([child.pid]), { timeout: 5000 })
        await expect(remove('all')).rejects.toThrow(
          `${cpu} is in use by process ${child.pid}; end that process and try again`,
        )
        expect(existsSync(program)).toBe(true)
      } finally {
        child.kill()
      }
    },
  )
})
