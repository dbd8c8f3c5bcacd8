import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup compare` */
export function registerCompare(program: Command, exit: Exit): void {
  program
    .command('compare')
    .description('which of several judged runs is better, by how much, with intervals')
    .argument(
      '<runs...>',
      'folders of runs that were judged on the same images; the first against each other one',
    )
    .option('--json', 'print one JSON array')
    .action(async (runs, flags) => {
      const { compare } = await import('./compare.js')
      exit(await compare(runs, flags))
    })
}
