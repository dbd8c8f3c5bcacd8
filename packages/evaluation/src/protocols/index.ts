import type { Protocol } from '../protocol.js'

/** All protocols, in the order in which they are run and shown. */
export const protocols: readonly Protocol[] = []
