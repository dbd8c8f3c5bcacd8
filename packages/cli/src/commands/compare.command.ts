import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup compare` */
export function registerCompare(program: Command, exit: Exit): void {
  program
    .command('compare')
    .description('compare evaluated runs: which is better and by how much, with intervals')
    .argument(
      '<runs...>',
      'folders of runs evaluated on the same images; the first is compared with each of the others',
    )
    .option('--json', 'print one JSON array')
    .action(async (runs, flags) => {
      const { compare } = await import('./compare.js')
      exit(await compare(runs, flags))
    })
}
