/** The kind of problem that an error reports. Programs use it instead of parsing the message. */
export type ErrorCode =
  /** an argument, option, shape or setting is not valid, or two of them are incompatible */
  | 'invalid-input'
  /** there is no method, backbone, option or other item with this name */
  | 'unknown-name'
  /** a file or folder does not exist */
  | 'not-found'
  /** a file cannot be read, or its content is damaged */
  | 'damaged-file'
  /** a file or folder cannot be written */
  | 'write-failed'
  /** the folder contains no run */
  | 'no-run'
  /** the folder already contains a run */
  | 'run-exists'
  /** another process uses the run */
  | 'run-locked'
  /** the run was started with another method, dataset, options or settings */
  | 'run-differs'
  /** the loss or a weight is NaN or infinite */
  | 'diverged'
  /** a step does something that cannot be captured: reads a tensor on the host, or draws random numbers there */
  | 'not-capturable'
  /** an optional npm package is not installed */
  | 'package-missing'
  /** the native engine is not installed */
  | 'engine-missing'
  /** the native engine is installed but does not load */
  | 'engine-broken'
  /** the device refused a program or a command, or its results are no longer valid */
  | 'device-error'
  /** a tensor is larger than the device allows, or the device has no memory left */
  | 'device-limit'
  /** the device was lost: its driver was reset, or the GPU was removed */
  | 'device-lost'
  /** the native engine could not be installed */
  | 'install-failed'
  /** a file could not be downloaded */
  | 'download-failed'
  /** the platform, file format or combination is not supported */
  | 'unsupported'
  /** another program uses the port */
  | 'port-in-use'
  /** another worker of the training run stopped, did not start, or trains another run */
  | 'worker-failed'

/** Fields of an error in addition to its message. */
export interface ErrorDetails extends ErrorOptions {
  /** default `invalid-input` */
  readonly code?: ErrorCode
  /** what to do about it, as an instruction: `run: npm install x`, `choose another folder` */
  readonly fix?: string
  /** the file or folder that caused the problem */
  readonly path?: string
}

/**
 * An error that the user can act on. Its message says what was expected, what was received and what to do.
 * Programs show `message` without a stack trace, or branch on `code`. Any other error is a bug; show it with its stack trace.
 */
export class SelfsupError extends Error {
  override name = 'SelfsupError'
  readonly code: ErrorCode
  /** the message without the fix */
  readonly problem: string
  declare readonly fix?: string
  declare readonly path?: string

  /** @param problem what was expected and what was received; `message` is this and the fix, separated by a semicolon */
  constructor(problem: string, { code = 'invalid-input', fix, path, ...options }: ErrorDetails = {}) {
    super(fix ? `${problem}; ${fix}` : problem, options)
    this.code = code
    this.problem = problem
    if (fix !== undefined) this.fix = fix
    if (path !== undefined) this.path = path
  }
}

/**
 * Asserts a condition.
 * @throws SelfsupError with this message and these details if the condition is false
 */
export function expected(condition: unknown, message: string, details?: ErrorDetails): asserts condition {
  if (!condition) throw new SelfsupError(message, details)
}
