import type { Command } from 'commander'
import { type Exit, engineOption, positive } from '../flags.js'

/** `selfsup duplicates` */
export function registerDuplicates(program: Command, exit: Exit): void {
  program
    .command('duplicates')
    .description('find groups of near-duplicates among the indexed images')
    .argument('<run>', 'the run or model that has an index (see selfsup index)')
    .option(
      '--similarity <x>',
      'smallest cosine similarity of near-duplicates (default: from random pairs, 0.98 or more)',
      positive,
    )
    .option('--sheet <file>', 'also draw the groups with their similarities (PNG)')
    .option('--csv <file>', 'also write the groups as CSV: group, similarity, image')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, flags) => {
      const { duplicates } = await import('./duplicates.js')
      exit(await duplicates(run, flags))
    })
}
