import { type Command, Option } from 'commander'
import { type Exit, integer } from '../flags.js'

/** `selfsup report` */
export function registerReport(program: Command, exit: Exit): void {
  program
    .command('report')
    .description('write one HTML file about runs; it opens offline and can be shared')
    .argument('<runs...>', 'folders of runs, or folders that contain runs')
    .option('--out <file>', 'output file', 'report.html')
    .option('--title <text>', 'heading (default: the run’s name)')
    .option('--map-points <n>', 'points on the embedding map (default: 1500)', integer(10))
    .option('--no-thumbnails', 'leave out thumbnails of images')
    .addOption(new Option('--no-pictures', 'earlier name of --no-thumbnails').hideHelp())
    .action(async (runs, { thumbnails, pictures, ...flags }) => {
      const { report } = await import('./report.js')
      exit(await report(runs, { ...flags, images: thumbnails && pictures }))
    })
}
