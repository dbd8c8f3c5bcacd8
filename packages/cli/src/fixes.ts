import { basename } from 'node:path'
import type { ErrorCode } from '@selfsup/core'

/** What an error, or an engine that cannot be used, says of itself. */
export interface Problem {
  readonly code?: ErrorCode
  readonly fix?: string
  readonly path?: string
}

const install = 'npx selfsup engine install'

/** The libraries know no command line; here their fixes become commands of it. */
const commands: Partial<Record<ErrorCode, (problem: Problem) => string>> = {
  'engine-missing': () => `run: ${install}`,
  'engine-broken': ({ path }) =>
    path ? `run: npx selfsup engine remove ${basename(path)} && ${install}` : `run: ${install}`,
  'install-failed': ({ fix }) => (fix ? `${fix}, then run: ${install}` : `run: ${install}`),
  'run-exists': ({ path }) => `resume it with: selfsup resume ${path}, or choose another folder with --out`,
  'port-in-use': () => 'choose another port with --port',
}

/** What to do about a problem, in the words of the command line; undefined where nothing is known. */
export function fixOf(problem: Problem): string | undefined {
  return (problem.code && commands[problem.code]?.(problem)) ?? problem.fix
}

/** `what is wrong; what to do` */
export function withFix(reason: string, problem: Problem): string {
  const fix = fixOf(problem)
  return fix ? `${reason}; ${fix}` : reason
}
