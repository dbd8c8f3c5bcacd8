import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { availableCores, describeMachine } from './machine.js'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

/** A file system with these files. */
function root(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'selfsup-root-'))
  roots.push(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

describe('availableCores', () => {
  const all = availableParallelism()
  test.each<[string, Record<string, string>, number]>([
    ['no control group', {}, all],
    ['no limit', { 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, all],
    ['half a processor', { 'sys/fs/cgroup/cpu.max': '50000 100000\n' }, 1],
    ['more than the machine has', { 'sys/fs/cgroup/cpu.max': '99900000 100000\n' }, all],
    [
      'the lowest of the parent groups',
      {
        'proc/self/cgroup': '0::/outer/inner\n',
        'sys/fs/cgroup/outer/cpu.max': '100000 100000\n',
        'sys/fs/cgroup/outer/inner/cpu.max': 'max 100000\n',
      },
      1,
    ],
    [
      'version 1',
      { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '100000', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' },
      1,
    ],
    [
      'version 1 without limit',
      { 'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1', 'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000' },
      all,
    ],
  ])('%s', (_, files, cores) => {
    expect(availableCores(root(files))).toBe(cores)
  })
})

test('describeMachine', async () => {
  const machine = await describeMachine()
  expect(machine.platform).toBe(`${process.platform}-${process.arch}`)
  expect(machine.memory).toBeGreaterThan(1e8)
  expect(machine.cores).toBeGreaterThanOrEqual(1)
})
