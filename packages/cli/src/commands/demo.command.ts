import type { Command } from 'commander'
import { type Exit, engineOption } from '../flags.js'

/** `selfsup demo` */
export function registerDemo(program: Command, exit: Exit): void {
  program
    .command('demo')
    .description('pretrain and evaluate on drawn images, in a few minutes')
    .option('--out <folder>', 'folder of the run (default: runs/demo)')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (flags) => {
      const { demo } = await import('./demo.js')
      exit(await demo(flags))
    })
}
