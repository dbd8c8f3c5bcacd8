import type { Command } from 'commander'
import { type Exit, engineOption, integer } from '../flags.js'

/** `selfsup search` */
export function registerSearch(program: Command, exit: Exit): void {
  program
    .command('search')
    .description('the indexed images that are most like a picture')
    .argument('<run>', 'the folder of a run whose images are indexed')
    .argument('<picture>', 'a file')
    .option('--k <n>', 'how many (default: 10)', integer(1))
    .option('--exact', 'compare with every image, also where there is an approximate index')
    .option('--sheet <file>', 'also draw them: a PNG to write')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, image, flags) => {
      const { search } = await import('./search.js')
      exit(await search(run, image, flags))
    })
}
