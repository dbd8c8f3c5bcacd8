import type { Command } from 'commander'
import { type Exit, engineOption, imagesHelp, integer, modelHelp, splitOption } from '../flags.js'
import { addImageFlags } from '../image-flags.js'

/** `selfsup index` */
export function registerIndex(program: Command, exit: Exit): void {
  const command = program
    .command('index')
    .description('create or update an index of images for search, duplicates and select')
    .argument('<run>', modelHelp)
    .argument('<images>', imagesHelp)
    .addOption(splitOption())
    .option('--shard <i/n>', 'only compute and save the features of the i-th of n shares of the images')
    .option('--merge <n>', 'index the features of n shares, which --shard saved', integer(1))
    .option('--strict', 'stop at the first unreadable image instead of skipping it')
    .option('--drop', 'remove the images of this folder or file from the index')
  addImageFlags(command, 'run')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, images, flags) => {
      const { indexImages } = await import('./index-images.js')
      exit(await indexImages(run, images, flags))
    })
}
