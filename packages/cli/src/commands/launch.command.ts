import type { Command } from 'commander'
import { type Exit, integer } from '../flags.js'

/** `selfsup launch` */
export function registerLaunch(program: Command, exit: Exit): void {
  program
    .command('launch')
    .description('train with several workers on this machine, one for each GPU or share of the processors')
    .requiredOption('-n, --workers <n>', 'number of workers', integer(1))
    .argument('<command...>', 'the command to run, after --: pretrain or resume with its arguments')
    .addHelpText(
      'after',
      '\nExample:\n  selfsup launch -n 2 -- pretrain simclr images/ --out runs/a --batch 256\n\nThe batch is that of all workers together.',
    )
    .action(async (command, { workers }) => {
      const { launch } = await import('./launch.js')
      exit(await launch(command, workers))
    })
}
