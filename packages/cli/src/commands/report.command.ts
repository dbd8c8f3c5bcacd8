import type { Command } from 'commander'
import { type Exit, integer } from '../flags.js'

/** `selfsup report` */
export function registerReport(program: Command, exit: Exit): void {
  program
    .command('report')
    .description('one HTML file about runs, to look at and to send on; opens without a connection')
    .argument('<runs...>', 'runs’ folders')
    .option('--out <file>', 'the file to write', 'report.html')
    .option('--title <text>', 'its heading (default: the run’s name)')
    .option('--map-points <n>', 'points on the map of features (default: 1500)', integer(10))
    .option('--no-pictures', 'leave the pictures of images out')
    .action(async (runs, flags) => {
      const { report } = await import('./report.js')
      exit(await report(runs, flags))
    })
}
