import type { RunView } from '../page-data.js'

/** A run with its place in the palette, which it keeps. */
export interface DrawnRun {
  readonly run: RunView
  readonly color: number
}
