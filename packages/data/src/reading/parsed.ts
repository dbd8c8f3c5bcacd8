import { SelfsupError } from '@selfsup/core'

/**
 * What a parser found.
 * @throws SelfsupError with the code `damaged-file` instead of the parser's exceptions, and if it found nothing (null)
 */
export function parsed<T>(parse: () => T | null): T {
  let result: T | null
  try {
    result = parse()
  } catch (error) {
    if (error instanceof SelfsupError) throw error
    throw new SelfsupError('truncated or damaged', { code: 'damaged-file', cause: error })
  }
  if (result === null) throw new SelfsupError('truncated or damaged', { code: 'damaged-file' })
  return result
}
