/**
 * An error whose message is meant for the person at the keyboard: what was wrong, where, what to do.
 * The command line prints it without a stack trace; anything else is a bug and keeps its trace.
 */
export class SelfsupError extends Error {
  override name = 'SelfsupError'
}

/** Throws a SelfsupError with the message unless the condition holds. */
export function expected(condition: unknown, message: string): asserts condition {
  if (!condition) throw new SelfsupError(message)
}
