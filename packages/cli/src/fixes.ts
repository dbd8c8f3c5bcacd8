import type { ErrorCode } from '@selfsup/core'
import { shellWord } from './table.js'

/** Description of an error, or of an engine that can't be used. */
export interface Problem {
  readonly code?: ErrorCode
  readonly fix?: string
  readonly path?: string
  /** whether the engine for NVIDIA GPUs was to be installed */
  readonly cuda?: boolean
}

/** Name of the installation in whose folder a path is, as `selfsup engine list` shows it. */
const installationOf = (path = '') => path.split(/[\\/]/).find((part) => /^tensorflow-.*\d/.test(part))

function install({ path, cuda = installationOf(path)?.includes('-cuda-') }: Problem): string {
  return `npx selfsup engine install${cuda ? ' --cuda' : ''}`
}

/** Commands that fix a problem: the libraries do not name commands of the command line. */
const commands: Partial<Record<ErrorCode, (problem: Problem) => string | undefined>> = {
  'engine-missing': (problem) => `run: ${install(problem)}`,
  'engine-broken': (problem) => {
    const name = installationOf(problem.path)
    // The user's own tfjs-node is not ours to remove.
    return name ? `run: npx selfsup engine remove ${name} && ${install(problem)}` : problem.fix
  },
  'install-failed': (problem) =>
    problem.fix ? `${problem.fix}, then run: ${install(problem)}` : `run: ${install(problem)}`,
  'run-exists': ({ path = 'RUN' }) =>
    `resume it with: selfsup resume ${shellWord(path)}, or choose another folder with --out`,
  'no-run': ({ fix }) => fix ?? 'pass the folder that you gave to pretrain as --out',
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
