import type { FileHandle } from 'node:fs/promises'
import { SelfsupError } from '@selfsup/core'

/** Maximum number of bytes per read; some systems return at most 2 GiB. */
const AT_A_TIME = 2 ** 26

/**
 * Fills `target` with a file's bytes, starting at a position. A single read can return fewer bytes than requested (network
 * disks, interrupted calls), so this reads until `target` is full.
 * @param ended error message if the file ends before `target` is full
 * @throws SelfsupError with that message and the code `damaged-file`
 */
export async function readFully(
  file: Pick<FileHandle, 'read'>,
  target: Uint8Array,
  position: number,
  ended: string,
): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await file.read(target, at, Math.min(AT_A_TIME, target.length - at), position + at)
    if (bytesRead === 0) throw new SelfsupError(ended, { code: 'damaged-file' })
    at += bytesRead
  }
}
