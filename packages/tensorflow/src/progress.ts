/** What an installation is doing. */
export interface InstallProgress {
  readonly stage: 'wait' | 'download' | 'unpack' | 'compile' | 'verify'
  /** one line for a person */
  readonly message: string
  /** bytes done so far, where they can be counted */
  readonly bytes?: number
}

export type OnProgress = (progress: InstallProgress) => void
