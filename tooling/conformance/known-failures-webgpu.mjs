/**
 * Specs that fail on WebGPU, by parts of their names, and the reason.
 * @type {readonly { reason: string, specs: string[] }[]}
 */
export const knownFailures = []
