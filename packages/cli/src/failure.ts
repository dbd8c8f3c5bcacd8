import { SelfsupError } from '@selfsup/core'
import { withFix } from './fixes.js'
import { printable } from './printable.js'

/** Exit codes of the process: 1 for an error that the user can fix, 70 for a bug, 130 after Ctrl-C. */
export const exitCodes = { userError: 1, bug: 70, interrupted: 130 } as const

/**
 * Prints an error: only the message of an error that the user can fix, the stack trace of a bug.
 * @returns exit code
 */
export function reportFailure(error: unknown): number {
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted'))
    return exitCodes.interrupted
  if (isOurs(error)) {
    process.stderr.write(`selfsup: ${printable(withFix(error.problem, error))}\n`)
    return exitCodes.userError
  }
  const fixable = systemMessage(error) ?? missingPackage(error)
  if (fixable) {
    process.stderr.write(`selfsup: ${printable(fixable)}\n`)
    return exitCodes.userError
  }
  process.stderr.write(
    `selfsup: this is a bug; please report it with the lines below\n${printable(String(error instanceof Error ? error.stack : error))}\n`,
  )
  return exitCodes.bug
}

/** Checks the fields and not only the class: a package can be installed twice in a tree. */
function isOurs(error: unknown): error is SelfsupError {
  return error instanceof SelfsupError || (error instanceof Error && 'problem' in error && 'code' in error)
}

/** Message for a missing @selfsup package: its stack trace would only show the importer. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) return undefined
  const [, installed, cloned] =
    /^Cannot find (?:package '(@selfsup\/[\w-]+)|module '[^']*[\\/](?:packages|@selfsup)[\\/]([\w-]+)[\\/]dist[\\/])/.exec(
      error.message,
    ) ?? []
  if (cloned) return `package ${cloned} is not built in this clone; run: npm run setup`
  return (
    installed && `${installed} is not installed; run: npm install ${installed}, or in a clone: npm run setup`
  )
}

function systemMessage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (!('code' in error && 'path' in error))
    // The database of an index reports the system's error only in its text.
    return /no space left on device|quota exceeded|os error 28\b/i.test(error.message)
      ? 'no space left on the disk; free some space and run the same command again'
      : undefined
  const path = String(error.path)
  switch (error.code) {
    case 'ENOENT':
      return `${path} does not exist`
    case 'EACCES':
    case 'EPERM':
      return `no permission to read or write ${path}; check its permissions`
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space left on the disk of ${path}; free some space and run the same command again`
    case 'ENOTDIR':
      return `a parent of ${path} is a file; expected a folder`
    case 'EISDIR':
      return `${path} is a folder; expected a file`
    case 'EROFS':
      return `${path} is on a read-only disk`
    default:
      return undefined
  }
}
