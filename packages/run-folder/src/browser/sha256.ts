import { sha256 as implementation } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { Sha256 } from '../hash.js'

/** Starts a SHA-256. The browser's own takes all bytes at once, and on pages of https only. */
export function sha256(): Sha256 {
  const hash = implementation.create()
  const started: Sha256 = {
    update(bytes) {
      hash.update(typeof bytes === 'string' ? utf8ToBytes(bytes) : bytes)
      return started
    },
    hex: () => bytesToHex(hash.digest()),
  }
  return started
}
