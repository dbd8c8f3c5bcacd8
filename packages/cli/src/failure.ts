import { SelfsupError } from '@selfsup/core'
import { withFix } from './fixes.js'
import { printable } from './printable.js'

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
  if (isOurs(error)) {
    process.stderr.write(`selfsup: ${printable(withFix(error.problem, error))}\n`)
    return exitCodes.userError
  }
  const mendable = systemMessage(error) ?? missingPackage(error)
  if (mendable) {
    process.stderr.write(`selfsup: ${printable(mendable)}\n`)
    return exitCodes.userError
  }
  process.stderr.write(
    `selfsup: this is a bug, please report it with the lines below\n${printable(String(error instanceof Error ? error.stack : error))}\n`,
  )
  return exitCodes.bug
}

/** Packages may be installed twice in a tree: the fields decide, not the class. */
function isOurs(error: unknown): error is SelfsupError {
  return error instanceof SelfsupError || (error instanceof Error && 'problem' in error && 'code' in error)
}

/** Of a package of ours that is not there: the trace would only show who asked for it. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) return undefined
  const [, installed, cloned] =
    /^Cannot find (?:package '(@selfsup\/[\w-]+)|module '[^']*[\\/](?:packages|@selfsup)[\\/]([\w-]+)[\\/]dist[\\/])/.exec(
      error.message,
    ) ?? []
  if (cloned) return `package ${cloned} of this clone is not built; run: npm run setup`
  return (
    installed && `${installed} is not installed; run: npm install ${installed}, or in a clone: npm run setup`
  )
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
