/** Progress of an installation. */
export interface InstallProgress {
  readonly stage: 'wait' | 'download' | 'unpack' | 'compile' | 'verify'
  /** one line to display */
  readonly message: string
  /** bytes done so far, if known */
  readonly bytes?: number
}

export type OnProgress = (progress: InstallProgress) => void
