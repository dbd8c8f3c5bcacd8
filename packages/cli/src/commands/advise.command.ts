import type { Command } from 'commander'
import { type Exit, imagesHelp, integer, splitOption } from '../flags.js'
import { addImageFlags } from '../image-flags.js'

/** `selfsup advise` */
export function registerAdvise(program: Command, exit: Exit): void {
  const command = program
    .command('advise')
    .description('measure a sample of your images and recommend methods and augmentations, with reasons')
    .argument('<images>', imagesHelp)
    .argument('[test]', 'test images: also finds those that are training images too')
    .option(
      '--sample <n>',
      'number of images to measure (default: 1000; with test images 5000 of each)',
      integer(1),
    )
    .addOption(splitOption())
    .option('--seed <n>', 'seed of the sample (default: 1)', integer(0))
    .option(
      '--list <file>',
      'also write the images of the sample that are unreadable, blank, copies, outliers or leaks (.csv or .json)',
    )
  addImageFlags(command, 'auto')
    .option('--json', 'print one JSON object')
    .action(async (images, test, flags) => {
      const { advise } = await import('./advise.js')
      exit(await advise(images, test, flags))
    })
}
