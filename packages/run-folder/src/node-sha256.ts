import { createHash } from 'node:crypto'
import type { Sha256 } from './hash.js'

/** Starts a SHA-256. */
export function sha256(): Sha256 {
  const hash = createHash('sha256')
  const started: Sha256 = {
    update(bytes) {
      hash.update(bytes)
      return started
    },
    hex: () => hash.digest('hex'),
  }
  return started
}
