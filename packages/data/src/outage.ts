import { SelfsupError } from '@selfsup/core'

/**
 * Rethrows the error of a file that a server did not deliver: it says nothing about the image, so the image must not count as
 * unreadable.
 */
export function throwOutage(error: unknown): undefined {
  if (error instanceof SelfsupError && error.code === 'download-failed') throw error
}
