import type { Command } from 'commander'
import { type Exit, imagesHelp, integer, splitOption } from '../flags.js'

/** `selfsup advise` */
export function registerAdvise(program: Command, exit: Exit): void {
  program
    .command('advise')
    .description('measure a sample of your images and recommend methods and augmentations, with reasons')
    .argument('<images>', imagesHelp)
    .option('--sample <n>', 'number of images to measure (default: 1000)', integer(1))
    .addOption(splitOption())
    .option('--seed <n>', 'seed of the sample (default: 1)', integer(0))
    .option('--json', 'print one JSON object')
    .action(async (images, flags) => {
      const { advise } = await import('./advise.js')
      exit(await advise(images, flags))
    })
}
