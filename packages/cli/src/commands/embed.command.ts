import type { Command } from 'commander'
import { type Exit, engineOption, imagesHelp, integer, modelHelp, splitOption } from '../flags.js'
import { addImageFlags } from '../image-flags.js'

/** `selfsup embed` */
export function registerEmbed(program: Command, exit: Exit): void {
  const command = program
    .command('embed')
    .description('write the features of images to a file')
    .argument('<run>', modelHelp)
    .argument('<images>', imagesHelp)
    .requiredOption('--out <file>', 'output file, ending in .npy or .parquet')
    .addOption(splitOption())
    .option('--limit <n>', 'at most this many images, evenly spaced over the dataset', integer(1))
    .option('--shard <i/n>', 'compute only the i-th of n shares, for n processes or machines; needs .npy')
    .option(
      '--merge <n>',
      'join the files of n shares, which --shard wrote, instead of computing',
      integer(1),
    )
    .option('--strict', 'stop at the first unreadable image instead of skipping it')
  addImageFlags(command, 'run')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, images, flags) => {
      const { embed } = await import('./embed.js')
      exit(await embed(run, images, flags))
    })
}
