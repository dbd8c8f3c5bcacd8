import { SelfsupError } from '@selfsup/core'
import type { RunLock } from '../run-lock-type.js'

/** Of the browser; the types of Node do not have it. */
declare const navigator: {
  readonly locks?: {
    request(
      name: string,
      options: { readonly ifAvailable: true },
      use: (lock: object | null) => Promise<void>,
    ): Promise<void>
  }
}

/**
 * Makes this page or worker the only one that writes to a run, until the lock is released or the page is closed.
 * @throws SelfsupError if another one of this site holds the lock, or the browser has no locks
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const { locks } = navigator
  if (!locks)
    throw new SelfsupError('runs can be kept only where the browser has locks', {
      code: 'unsupported',
      fix: 'open the page by https, or from this computer (localhost)',
    })
  return new Promise((resolve, reject) => {
    const held = locks.request(`selfsup-run:${folder}`, { ifAvailable: true }, async (lock) => {
      if (!lock) {
        throw new SelfsupError(`${folder} is in use by another page`, {
          code: 'run-locked',
          fix: 'close the other page, or choose another name',
          path: folder,
        })
      }
      await new Promise<void>((end) => {
        resolve({
          async release() {
            end()
            await held
          },
        })
      })
    })
    held.catch(reject)
  })
}
