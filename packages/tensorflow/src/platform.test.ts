import { homedir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { cacheFolder } from './cache.js'
import { wheelFor } from './platform.js'
import { explainLoad } from './verify.js'

describe('wheelFor', () => {
  test.each([
    [{ platform: 'linux', arch: 'x64', glibc: '2.27' }, 'tensorflow-cpu', 'manylinux_2_27_x86_64'],
    [{ platform: 'linux', arch: 'arm64', glibc: '2.39' }, 'tensorflow', 'manylinux_2_27_aarch64'],
    [{ platform: 'darwin', arch: 'arm64' }, 'tensorflow', 'macosx_12_0_arm64'],
  ])('%o', (machine, distribution, tag) => {
    expect(wheelFor(machine)).toMatchObject({ distribution, tag })
  })

  test.each([
    [{ platform: 'win32', arch: 'x64' }, /no C library for win32-x64 .*--engine wasm/],
    [{ platform: 'darwin', arch: 'x64' }, /no C library for darwin-x64/],
    [
      { platform: 'linux', arch: 'x64', glibc: '2.17' },
      /needs glibc 2\.27 or newer; this system has glibc 2\.17; use/,
    ],
    [{ platform: 'linux', arch: 'x64' }, /a different C library \(musl\?\)/],
  ])('%o has no wheel', (machine, message) => {
    expect(() => wheelFor(machine)).toThrow(message)
  })
})

test('cacheFolder depends on SELFSUP_CACHE, XDG_CACHE_HOME and the platform', () => {
  expect(cacheFolder({ SELFSUP_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/a')
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' }, 'darwin')).toBe('/b/selfsup')
  expect(cacheFolder({}, 'linux')).toBe(`${homedir()}/.cache/selfsup`)
  expect(cacheFolder({}, 'darwin')).toBe(`${homedir()}/Library/Caches/selfsup`)
})

test.each([
  [{ output: '', signal: 'SIGILL' as const, missing: false }, /needs a processor with AVX/],
  [
    { output: "Error: /lib/libc.so.6: version `GLIBC_2.27' not found (required by x)", missing: false },
    /needs GLIBC_2\.27/,
  ],
  [
    { output: 'node:internal\nError: libfoo.so: cannot open shared object file\n    at x', missing: false },
    /does not load \(Error: libfoo\.so: cannot open/,
  ],
])('explains why a library does not load: %o', (outcome, message) => {
  expect(explainLoad(outcome)).toMatch(message)
})
