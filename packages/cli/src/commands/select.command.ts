import { type Command, Option } from 'commander'
import { type Exit, engineOption, integer } from '../flags.js'

/** `selfsup select` */
export function registerSelect(program: Command, exit: Exit): void {
  program
    .command('select')
    .description('choose the indexed images that are most worth labelling: many different kinds of images')
    .argument('<run>', 'folder of a run with an index (see selfsup index)')
    .requiredOption('-n, --count <n>', 'number of images', integer(1))
    .addOption(
      new Option(
        '--strategy <name>',
        'typical: typical images of many kinds; k-centre: images that cover all kinds, outliers too; random (default: typical)',
      ).choices(['typical', 'k-centre', 'random']),
    )
    .option('--labelled <file>', 'text file with the paths of images that have labels already, one per line')
    .option('--seed <n>', 'seed of the clustering, or of the random choice (default: 1)', integer(0))
    .option('--csv <file>', 'also write the images as CSV: rank, image')
    .option('--copy <folder>', 'also copy the images to a folder, with their rank before the name')
    .option('--sheet <file>', 'also draw the images (PNG)')
    .addOption(engineOption())
    .option('--json', 'print one JSON object instead of one path per line')
    .action(async (run, flags) => {
      const { select } = await import('./select.js')
      exit(await select(run, flags))
    })
}
