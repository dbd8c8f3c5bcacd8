import type { RunView } from './page-data.js'

/** A section without data, and the command that creates the data. */
export interface MissingSection {
  readonly section: string
  readonly command: string
}

/** Sections of the page that a run has no data for yet. */
export function missingSections({ folder, evaluations, curves, details, method }: RunView): MissingSection[] {
  const run = shellWord(folder)
  const evaluate = (protocols: string) => `selfsup evaluate ${run} TRAIN TEST ${protocols}`
  const has = (protocol: RegExp) => evaluations.some((record) => protocol.test(record.protocol))
  const sections: [section: string, there: boolean, command: string][] = [
    ['Loss, learning rate and collapse signals', (curves?.length ?? 0) > 0, `selfsup resume ${run}`],
    ['Headline metrics', evaluations.length > 0, evaluate('--all')],
    ['Data efficiency', has(/efficiency/), evaluate('--all')],
    ['Convergence', has(/convergence/), evaluate('--all')],
    ['Embedding map', details?.map !== undefined, evaluate('--all')],
    ['Nearest neighbours', evaluations.some(({ neighbours }) => neighbours?.length), evaluate('--all')],
    ['Confusion matrix', evaluations.some(({ confusion }) => confusion), evaluate('--all')],
    ['Clusters', evaluations.some(({ clusters }) => clusters?.length), evaluate('--all')],
    [
      'Sample views',
      (details?.sheets?.length ?? 0) > 0,
      `selfsup preview IMAGES --method ${method ? shellWord(method) : 'METHOD'} --out ${shellWord(`${folder}/pictures/views.png`)}`,
    ],
  ].map(([section, there, command]) => [section, Boolean(there), command] as [string, boolean, string])
  return sections.flatMap(([section, there, command]) => (there ? [] : [{ section, command }]))
}

/** Quotes a path for a shell. */
function shellWord(path: string): string {
  return /^[\p{L}\p{N}_./\\:@%+=-]+$/u.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
