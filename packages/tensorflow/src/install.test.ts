import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findInstalled } from './find.js'
import { type FakeMachine, fakeMachine, libraries, wheelFiles } from './fixtures/machine.js'
import { explainFiles, installTensorflow } from './install.js'
import { verifyInstallations } from './installations.js'
import { unopenable, verifyBinding } from './verify.js'

vi.mock('./verify.js', () => ({
  verifyBinding: vi.fn(async () => ({ gpu: false })),
  unopenable: vi.fn(async () => []),
}))
// These tests use the wheel of Linux on x64, wherever they run.
vi.mock('./platform.js', async (original) => ({
  ...(await original<typeof import('./platform.js')>()),
  thisPlatform: () => ({ platform: 'linux', arch: 'x64' }),
  thisMachine: () => ({ platform: 'linux', arch: 'x64', glibc: '2.36' }),
}))

const { wheelHashes } = vi.hoisted(() => ({ wheelHashes: new Map<string, string>() }))
vi.mock('./wheels.js', () => ({ wheelHashes }))

const { CXX } = process.env
let machine: FakeMachine

beforeEach(() => {
  delete process.env.CXX
  machine = fakeMachine(undefined, wheelHashes)
})
afterEach(() => {
  machine.remove()
  vi.mocked(verifyBinding).mockReset()
  if (CXX) process.env.CXX = CXX
})

const install = () => installTensorflow({ cacheFolder: machine.cache })

/** The error message of a failed installation, which has one line. */
async function message(): Promise<string> {
  const error: unknown = await install().catch((error: unknown) => error)
  expect(error).toBeInstanceOf(SelfsupError)
  const text = String(error instanceof Error && error.message)
  expect(text).not.toContain('\n')
  expect(findInstalled(machine.cache)).toBeUndefined()
  return text
}

const pipThatFails = (output: string) =>
  `if (args[0] === 'download') { console.error(${JSON.stringify(output)}); process.exit(1) }`

describe('installTensorflow', () => {
  test('unpacks libraries and headers, removes the wheel, and runs nothing the second time', async () => {
    machine.everything()
    const stages: string[] = []
    const options = {
      cacheFolder: machine.cache,
      onProgress: ({ stage }: { stage: string }) => stages.push(stage),
    }
    const installation = await installTensorflow(options)
    expect(installation).toEqual(findInstalled(machine.cache))
    expect([...new Set(stages)]).toEqual(['download', 'unpack', 'compile', 'verify'])
    const folder = join(installation.folder, '..')
    expect(readdirSync(folder).sort()).toEqual(
      [
        installation.folder.split('/').at(-1),
        'include',
        'library.json',
        'libtensorflow_cc.so.2',
        'libtensorflow_framework.so.2',
      ].sort(),
    )
    expect(readdirSync(join(folder, 'include'))).toEqual(['tensorflow'])
    expect(readdirSync(join(folder, '..'))).toHaveLength(1)
    const calls = machine.calls().length
    expect(await install()).toEqual(installation)
    expect(machine.calls()).toHaveLength(calls)
  })

  test('downloads the wheel of this platform, whatever the Python of pip', async () => {
    machine.everything()
    await install()
    const download = machine.calls().find((call) => call.startsWith('pip3 download'))
    expect(download).toContain(
      '--no-deps --only-binary :all: --python-version 3.11 --platform manylinux_2_27_x86_64',
    )
    expect(download).toMatch(/tensorflow-cpu==2\.21\.0$/)
  })

  test('two installations at once download once', async () => {
    machine.everything()
    const [first, second] = await Promise.all([install(), install()])
    expect(first).toEqual(second)
    expect(machine.calls().filter((call) => call.startsWith('pip3 download'))).toHaveLength(1)
  })

  test('continues after an interruption: dead lock, partial download, library without binding', async () => {
    machine.everything()
    const folder = join(machine.cache, 'tensorflow')
    mkdirSync(join(folder, 'tensorflow-cpu-2.21.0-linux-x64.999999999.partial'), { recursive: true })
    mkdirSync(join(folder, 'tensorflow-cpu-2.21.0-linux-x64'))
    writeFileSync(join(folder, 'install.lock'), `999999999 ${(await import('node:os')).hostname()}`)
    await install()
    expect(readdirSync(folder)).toEqual(['tensorflow-cpu-2.21.0-linux-x64'])
  })

  test('keeps the library when only the binding fails', async () => {
    machine.everything()
    vi.mocked(verifyBinding).mockRejectedValueOnce(new SelfsupError('does not load'))
    expect(await message()).toBe('does not load')
    await install()
    expect(machine.calls().filter((call) => call.startsWith('pip3 download'))).toHaveLength(1)
  })

  test('one flipped byte in an installed library is found by its hash', async () => {
    machine.everything()
    const { folder } = await install()
    const options = { cacheFolder: machine.cache }
    const name = 'tensorflow-cpu-2.21.0-linux-x64'
    // Two libraries of the wheel, two of the binding.
    expect(await verifyInstallations(options)).toEqual([{ name, verified: 4, unknown: 0, problems: [] }])
    const library = join(folder, '..', 'libtensorflow_cc.so.2')
    const bytes = readFileSync(library)
    bytes[3]! ^= 1
    writeFileSync(library, bytes)
    expect(findInstalled(machine.cache)).toBeDefined() // the size is right: nobody reads a gigabyte at each start
    expect(await verifyInstallations(options)).toEqual([
      { name, verified: 3, unknown: 0, problems: [`${library} is damaged: its SHA-256 is another`] },
    ])
  })

  test('an installation from before hashes were recorded is found, and named as not verified', async () => {
    machine.everything()
    const { folder } = await install()
    const sizes = { 'libtensorflow_cc.so.2': 15, 'libtensorflow_framework.so.2': 13 }
    writeFileSync(join(folder, '..', 'library.json'), JSON.stringify(sizes))
    rmSync(join(folder, 'library.json'))
    expect(await install()).toMatchObject({ folder })
    expect(await verifyInstallations({ cacheFolder: machine.cache })).toMatchObject([
      { verified: 0, unknown: 2, problems: [] },
    ])
  })

  test('repairs a damaged installation', async () => {
    machine.everything()
    const { folder } = await install()
    writeFileSync(join(folder, '..', 'libtensorflow_cc.so.2'), 'cut')
    expect(findInstalled(machine.cache)).toBeUndefined()
    await install()
    expect(readFileSync(join(folder, '..', 'libtensorflow_cc.so.2'), 'utf8')).toBe('the C++ library')
  })
})

describe('installTensorflow with cuda', () => {
  const tensorflow = wheelFiles({
    'tensorflow-2.21.0.dist-info/METADATA':
      'Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"',
  })
  const nvidia = {
    'nvidia/cublas/lib/libcublas.so.12': 'cuBLAS',
    'nvidia_cublas_cu12.dist-info/RECORD': `nvidia/cublas/lib/libcublas.so.12,sha256=${createHash('sha256').update('cuBLAS').digest('base64url')},6`,
  }
  const installCuda = () => installTensorflow({ cacheFolder: machine.cache, cuda: true })

  beforeEach(() => {
    machine.remove()
    machine = fakeMachine(tensorflow, wheelHashes)
    machine.everything()
    machine.wheel('nvidia_cublas_cu12-12.9-py3-none-manylinux_2_27_x86_64.whl', nvidia)
  })

  test("installs NVIDIA's libraries next to TensorFlow's", async () => {
    const { folder, cuda } = await installCuda()
    expect(cuda).toBe(true)
    const root = join(folder, '..', '..')
    expect(readdirSync(root).sort()).toEqual(['library.json', 'nvidia', 'tensorflow'])
    expect(readFileSync(join(root, 'nvidia/cublas/lib/libcublas.so.12'), 'utf8')).toBe('cuBLAS')
    const calls = machine.calls().filter((call) => call.startsWith('pip3 download'))
    expect(calls.map((call) => call.split(' ').at(-1))).toEqual([
      'tensorflow==2.21.0',
      'nvidia-cublas-cu12==12.9',
    ])
    expect(await installCuda()).toEqual(findInstalled(machine.cache))
  })

  test('reports a library that does not open', async () => {
    vi.mocked(unopenable).mockResolvedValueOnce(['libcublas.so.12: file too short'])
    await expect(installCuda()).rejects.toThrow(
      /^one of NVIDIA's libraries does not open \(libcublas.so.12: file too short\); remove .*tensorflow-cuda-2.21.0-linux-x64$/,
    )
  })
})

test.each(['EACCES', 'EPERM', 'EROFS'])('a cache folder that cannot be written: %s', (code) => {
  const error = explainFiles(Object.assign(new Error('no'), { code }), '/cache')
  expect(error).toBeInstanceOf(SelfsupError)
  expect(String((error as Error).message)).toBe(
    `the cache folder /cache cannot be written (${code}); set SELFSUP_CACHE to another folder`,
  )
})

describe('errors are one line with a fix', () => {
  test('no compiler, reported before the download', async () => {
    machine.program('pip3', '')
    expect(await message()).toMatch(/no C\+\+ compiler was found \(tried c\+\+, g\+\+, clang\+\+\); run: .+$/)
    expect(machine.calls()).toEqual([])
  })

  test('the requested compiler does not exist', async () => {
    machine.everything()
    const error: unknown = await installTensorflow({ cacheFolder: machine.cache, compiler: 'g++-99' }).catch(
      (e) => e,
    )
    expect(String(error)).toContain('tried g++-99')
  })

  test('no pip', async () => {
    machine.program('c++', '')
    machine.program('python3', "console.error('No module named pip'); process.exit(1)")
    expect(await message()).toMatch(
      /^pip, .* was not found \(tried python3 -m pip, pip3, pip, python -m pip\); run: .+$/,
    )
  })

  test.each([
    [
      'no network',
      'WARNING: Retrying after connection broken by NewConnectionError: Temporary failure in name resolution\nERROR: No matching distribution found',
      /^pip could not reach its package index .*name resolution.*; check the network, .*`pip config set`$/,
    ],
    [
      'no wheel',
      'ERROR: Could not find a version that satisfies the requirement tensorflow-cpu==2.21.0 (from versions: none)\nERROR: No matching distribution found for tensorflow-cpu==2.21.0',
      /^the package index that pip uses has no tensorflow-cpu==2.21.0 for manylinux_2_27_x86_64; .*pip config set/,
    ],
    [
      'disk full',
      'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
      /^the disk is too full to download .*SELFSUP_CACHE.*$/,
    ],
    ['an old pip', 'no such option: --platform', /^this pip is too old .*install --upgrade pip$/],
    ['anything else', 'Traceback\nKeyError: 1', /^pip could not download .*KeyError: 1\)$/],
  ])('%s', async (_, output, expected) => {
    machine.everything()
    machine.program('pip3', pipThatFails(output))
    expect(await message()).toMatch(expected)
  })

  test('a wheel that differs from its RECORD', async () => {
    machine.remove()
    machine = fakeMachine(wheelFiles({ [libraries[0]!]: 'something else' }), wheelHashes)
    machine.everything()
    expect(await message()).toMatch(
      /is damaged: tensorflow\/libtensorflow_cc.so.2 differs from its RECORD; run: /,
    )
    expect(existsSync(join(machine.cache, 'tensorflow', 'tensorflow-cpu-2.21.0-linux-x64'))).toBe(false)
  })

  test('a file that is not a wheel', async () => {
    machine.everything()
    machine.program(
      'pip3',
      "if (args[0] === 'download') fs.writeFileSync(path.join(args[args.indexOf('--dest') + 1], 'x.whl'), '<html>')",
    )
    expect(await message()).toMatch(/^pip downloaded x.whl, which is not a wheel that this version .* names/)
  })

  test('another wheel of the same name, with a RECORD that fits: nothing of it is unpacked or run', async () => {
    machine.everything()
    for (const name of wheelHashes.keys()) wheelHashes.set(name, '0'.repeat(64))
    expect(await message()).toMatch(
      /^the downloaded tensorflow_cpu-.*\.whl is damaged or another one: its SHA-256 is [0-9a-f]{64}, and must be 0{64}; run: /,
    )
    expect(readdirSync(join(machine.cache, 'tensorflow'))).toEqual([])
    expect(machine.calls().some((call) => call.includes('-o '))).toBe(false)
  })

  test('a wheel without the library', async () => {
    machine.remove()
    const { [libraries[1]!]: _, ...files } = wheelFiles()
    machine = fakeMachine(files, wheelHashes)
    machine.everything()
    expect(await message()).toMatch(/it has no tensorflow\/libtensorflow_framework.so.2/)
  })

  test('a compiler that fails', async () => {
    machine.everything()
    machine.program(
      'c++',
      `if (args.includes('-o')) { console.error("c++: error: unrecognized option '-std=c++17'"); process.exit(1) }`,
    )
    expect(await message()).toMatch(/^c\+\+ could not compile the binding \(.*-std=c\+\+17.*\); set CXX .*$/)
  })

  test('a cache folder that is a file', async () => {
    machine.everything()
    writeFileSync(machine.cache, '')
    expect(await message()).toMatch(/^the cache folder .* is not a folder \(\w+\); set SELFSUP_CACHE .*$/)
  })
})
