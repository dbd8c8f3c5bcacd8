import type { Command } from 'commander'
import { type Exit, engineOption, integer } from '../flags.js'

/** `selfsup search` */
export function registerSearch(program: Command, exit: Exit): void {
  program
    .command('search')
    .description('find the indexed images that are most similar to an image')
    .argument('<run>', 'the run or model that has an index (see selfsup index)')
    .argument('<image>', 'image file')
    .option('--k <n>', 'number of results (default: 10)', integer(1))
    .option('--exact', 'compare with every image instead of using the approximate index')
    .option('--sheet <file>', 'also draw the results with their similarities (PNG)')
    .option('--csv <file>', 'also write the results as CSV: rank, similarity, image')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, image, flags) => {
      const { search } = await import('./search.js')
      exit(await search(run, image, flags))
    })
}
