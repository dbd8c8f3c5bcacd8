import { SelfsupError } from '@selfsup/core'

/** Process exit codes: 1 for what the person can mend, 70 for a bug, 130 after Ctrl-C. */
export const exitCodes = { userError: 1, bug: 70, interrupted: 130 } as const

/**
 * Prints what went wrong the way a person needs it: the message alone for an error meant for them, the
 * trace for a bug.
 * @returns the exit code
 */
export function reportFailure(error: unknown): number {
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted'))
    return exitCodes.interrupted
  // Packages may be installed twice in a tree: the name decides, not the class.
  if (
    error instanceof SelfsupError ||
    (error instanceof Error && /^(SelfsupError|ShapeError)$/.test(error.name))
  ) {
    process.stderr.write(`selfsup: ${error.message}\n`)
    return exitCodes.userError
  }
  const system = systemMessage(error)
  if (system) {
    process.stderr.write(`selfsup: ${system}\n`)
    return exitCodes.userError
  }
  process.stderr.write(
    `selfsup: this is a bug, please report it with the lines below\n${error instanceof Error ? error.stack : error}\n`,
  )
  return exitCodes.bug
}

function systemMessage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return undefined
  const path = String(error.path)
  switch (error.code) {
    case 'ENOENT':
      return `${path} does not exist`
    case 'EACCES':
    case 'EPERM':
      return `${path} may not be read or written; check its permissions`
    case 'ENOSPC':
      return `no space left on the disk of ${path}; make room and run the same command again`
    case 'ENOTDIR':
      return `a part of ${path} is a file where a folder is needed`
    case 'EISDIR':
      return `${path} is a folder where a file is needed`
    case 'EROFS':
      return `${path} lies on a read-only disk`
    default:
      return undefined
  }
}
