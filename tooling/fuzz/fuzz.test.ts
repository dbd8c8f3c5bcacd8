import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { mutate, numbers } from './mutate.js'

const script = fileURLToPath(new URL('./fuzz.mjs', import.meta.url))

function fuzz(...args: string[]) {
  return new Promise<{ code: number | string; output: string }>((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? -1) : 0, output: stdout + stderr }),
    )
  })
}

test('every reader returns a result or throws a SelfsupError for mutated files', async () => {
  const { code, output } = await fuzz('--count', '360', '--seed', '1')
  expect(output).toContain('360 inputs of seed 1')
  expect(code, output).toBe(0)
}, 120_000)

test.each([
  ['hang', /self-test-hang: hang not finished after 1 s/],
  ['memory', /self-test-memory: memory \d+ MB, more than 400/],
  ['bug', /self-test-bug: bug TypeError: Cannot read properties/],
  ['crash', /self-test-crash: crash the process ended with SIGABRT/],
])('reports a reader with a %s, and saves its input', async (kind, message) => {
  const { code, output } = await fuzz(
    ...[
      '--count',
      '1',
      '--reader',
      `self-test-${kind}`,
      '--seconds',
      kind === 'hang' ? '1' : '20',
      '--megabytes',
      '400',
    ],
  )
  expect(output).toMatch(message)
  expect(code).toBe(1)
  const [, input] = /input: (.*)/.exec(output)!
  rmSync(input!)
})

test('the same seed gives the same mutated file; different seeds give different files, most unlike the original', () => {
  const original = Buffer.from(Array.from({ length: 500 }, (_, i) => i % 256))
  const of = (seed: number) => mutate(original, numbers(seed))
  expect(of(5)).toEqual(of(5))
  const all = Array.from({ length: 200 }, (_, seed) => of(seed).toString('hex'))
  expect(new Set(all).size).toBeGreaterThan(190)
  expect(all.filter((hex) => hex === original.toString('hex')).length).toBeLessThan(10)
})
