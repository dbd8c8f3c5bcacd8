/** What kind of problem an error reports, so that a program never has to parse its message. */
export type ErrorCode =
  /** an argument, option, shape or setting is wrong, or two of them do not fit together */
  | 'invalid-input'
  /** no method, backbone, option or other thing has this name */
  | 'unknown-name'
  /** a file or folder does not exist */
  | 'not-found'
  /** a file cannot be read, or what it holds is damaged */
  | 'damaged-file'
  /** a file or folder cannot be written */
  | 'write-failed'
  /** the folder holds no run */
  | 'no-run'
  /** the folder already holds a run */
  | 'run-exists'
  /** another process uses the run */
  | 'run-locked'
  /** the run was started with another method, dataset, options or settings */
  | 'run-differs'
  /** the loss, or a weight, is no longer finite */
  | 'diverged'
  /** a step does what cannot be captured: reads a tensor on the host, draws host randomness */
  | 'not-capturable'
  /** an optional npm package is not installed */
  | 'package-missing'
  /** the native engine is not installed */
  | 'engine-missing'
  /** the native engine is installed and does not load */
  | 'engine-broken'
  /** the native engine could not be installed */
  | 'install-failed'
  /** the platform, file format or combination is not supported */
  | 'unsupported'
  /** another program listens on the port */
  | 'port-in-use'

/** What an error carries in addition to its message. */
export interface ErrorDetails extends ErrorOptions {
  /** default `invalid-input` */
  readonly code?: ErrorCode
  /** what to do about it, as an instruction: `run: npm install x`, `choose another folder` */
  readonly fix?: string
  /** the file or folder it is about */
  readonly path?: string
}

/**
 * An error for the person who uses the library: what was expected, what came, what to do.
 * A program shows `message`, without a stack trace, or decides by `code`. Any other error is a bug and keeps its trace.
 */
export class SelfsupError extends Error {
  override name = 'SelfsupError'
  readonly code: ErrorCode
  /** the message without the fix */
  readonly problem: string
  declare readonly fix?: string
  declare readonly path?: string

  /** @param problem what was expected and what came; `message` is this and the fix, separated by a semicolon */
  constructor(problem: string, { code = 'invalid-input', fix, path, ...options }: ErrorDetails = {}) {
    super(fix ? `${problem}; ${fix}` : problem, options)
    this.code = code
    this.problem = problem
    if (fix !== undefined) this.fix = fix
    if (path !== undefined) this.path = path
  }
}

/** Throws a SelfsupError with this message and these details unless the condition holds. */
export function expected(condition: unknown, message: string, details?: ErrorDetails): asserts condition {
  if (!condition) throw new SelfsupError(message, details)
}
