import type { Command } from 'commander'
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
    .option('--no-pictures', 'leave out thumbnails of images')
    .action(async (runs, { pictures: images, ...flags }) => {
      const { report } = await import('./report.js')
      exit(await report(runs, { ...flags, images }))
    })
}
