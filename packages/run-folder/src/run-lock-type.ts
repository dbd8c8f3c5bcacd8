/** The right to write to a run. */
export interface RunLock {
  release(): Promise<void>
}
