import { basename } from 'node:path'
import type { ErrorCode } from '@selfsup/core'

/** Description of an error, or of an engine that can't be used. */
export interface Problem {
  readonly code?: ErrorCode
  readonly fix?: string
  readonly path?: string
}

const install = 'npx selfsup engine install'

/** Commands that fix a problem: the libraries do not name commands of the command line. */
const commands: Partial<Record<ErrorCode, (problem: Problem) => string>> = {
  'engine-missing': () => `run: ${install}`,
  'engine-broken': ({ path }) =>
    path ? `run: npx selfsup engine remove ${basename(path)} && ${install}` : `run: ${install}`,
  'install-failed': ({ fix }) => (fix ? `${fix}, then run: ${install}` : `run: ${install}`),
  'run-exists': ({ path }) => `resume it with: selfsup resume ${path}, or choose another folder with --out`,
  'no-run': () => 'pass the folder that you gave to pretrain as --out',
  'port-in-use': () => 'choose another port with --port',
}

/** What to do about a problem, as a command if there is one; undefined if nothing is known. */
export function fixOf(problem: Problem): string | undefined {
  return (problem.code && commands[problem.code]?.(problem)) ?? problem.fix
}

/** `problem; fix` */
export function withFix(reason: string, problem: Problem): string {
  const fix = fixOf(problem)
  return fix ? `${reason}; ${fix}` : reason
}
