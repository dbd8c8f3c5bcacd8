import type { Command } from 'commander'
import { type Exit, engineOption, imagesHelp, integer, splitOption } from '../flags.js'

/** `selfsup embed` */
export function registerEmbed(program: Command, exit: Exit): void {
  program
    .command('embed')
    .description('write the features of images to a file')
    .argument('<run>', 'a run’s folder')
    .argument('<images>', imagesHelp)
    .requiredOption('--out <file>', 'features.npy or features.parquet')
    .addOption(splitOption())
    .option('--limit <n>', 'at most this many images, from all over them', integer(1))
    .option('--strict', 'stop at the first unreadable image')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, images, flags) => {
      const { embed } = await import('./embed.js')
      exit(await embed(run, images, flags))
    })
}
