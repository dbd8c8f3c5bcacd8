import type { Command } from 'commander'
import { type Exit, engineOption } from '../flags.js'

/** `selfsup demo` */
export function registerDemo(program: Command, exit: Exit): void {
  program
    .command('demo')
    .description('the main job on drawn images, in a few minutes: pretrain, evaluate, compare')
    .option('--out <folder>', 'where the run is written (default: runs/demo)')
    .addOption(engineOption())
    .option('--json', 'print one JSON object at the end')
    .action(async (flags) => {
      const { demo } = await import('./demo.js')
      exit(await demo(flags))
    })
}
