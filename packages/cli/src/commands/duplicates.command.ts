import type { Command } from 'commander'
import { type Exit, engineOption, positive } from '../flags.js'

/** `selfsup duplicates` */
export function registerDuplicates(program: Command, exit: Exit): void {
  program
    .command('duplicates')
    .description('groups of indexed images that are nearly the same')
    .argument('<run>', 'the folder of a run whose images are indexed')
    .option('--similarity <x>', 'cosine of the features from which on two are (default: 0.98)', positive)
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, flags) => {
      const { duplicates } = await import('./duplicates.js')
      exit(await duplicates(run, flags))
    })
}
