import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../vitest/temporary-folder.js'
import { bundled } from './bundled.mjs'

/** Runs a shell script as a user who may mount disks that nobody else sees; needs no privileges on most Linux systems. */
const mounting = ['-rm', 'sh', '-ec'] as const
const possible = spawnSync('unshare', [...mounting, 'mount -t tmpfs -o size=1m tmpfs /mnt']).status === 0

test.runIf(possible)(
  'an index on a full disk reports it, and goes on when there is space again',
  async () => {
    const built = fileURLToPath(new URL(`./node_modules/.full-disk-${process.pid}/`, import.meta.url))
    const disk = join(temporaryFolder(), 'disk')
    mkdirSync(disk)
    try {
      await bundled(built, ['full-disk'])
      const command = `mount -t tmpfs -o size=8m tmpfs '${disk}'; exec '${process.execPath}' '${join(built, 'full-disk.mjs')}' '${disk}'`
      const { before, full, after } = JSON.parse(execFileSync('unshare', [...mounting, command]).toString())
      expect(before).toBe(100)
      expect(full).toMatchObject({ name: 'SelfsupError', code: 'write-failed' })
      expect(full.message).toMatch(/^DISK.*no space is left on the disk; free some space/)
      expect(after).toBe(1000)
    } finally {
      rmSync(built, { recursive: true, force: true })
    }
  },
)
