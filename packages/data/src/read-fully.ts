import type { FileHandle } from 'node:fs/promises'
import { SelfsupError } from '@selfsup/core'

/** Most bytes asked for at a time; some systems give no more than 2 GiB. */
const AT_A_TIME = 2 ** 26

/**
 * Fills `target` with a file's bytes from a position on. One read may give fewer bytes than were asked for (network
 * disks, interrupted calls): the rest is asked for again.
 * @param ended what to say when the file ends before `target` is full
 * @throws SelfsupError with that
 */
export async function readFully(
  file: Pick<FileHandle, 'read'>,
  target: Uint8Array,
  position: number,
  ended: string,
): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await file.read(target, at, Math.min(AT_A_TIME, target.length - at), position + at)
    if (bytesRead === 0) throw new SelfsupError(ended)
    at += bytesRead
  }
}
