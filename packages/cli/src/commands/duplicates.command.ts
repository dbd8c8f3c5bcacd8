import type { Command } from 'commander'
import { type Exit, engineOption, positive } from '../flags.js'

/** `selfsup duplicates` */
export function registerDuplicates(program: Command, exit: Exit): void {
  program
    .command('duplicates')
    .description('find groups of near-duplicates among the indexed images')
    .argument('<run>', 'the run or model that has an index (see selfsup index)')
    .option('--similarity <x>', 'smallest cosine similarity of near-duplicates (default: 0.98)', positive)
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, flags) => {
      const { duplicates } = await import('./duplicates.js')
      exit(await duplicates(run, flags))
    })
}
