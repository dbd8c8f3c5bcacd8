export { l2Normalise } from './l2-normalise.js'
export { type NtXentOptions, ntXent } from './nt-xent.js'
