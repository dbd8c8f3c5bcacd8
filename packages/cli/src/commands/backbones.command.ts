import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup backbones` */
export function registerBackbones(program: Command, exit: Exit): void {
  program
    .command('backbones')
    .description('list the networks with their numbers of features and parameters')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { backbones } = await import('./backbones.js')
      exit(await backbones(flags))
    })
}
