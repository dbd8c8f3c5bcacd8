import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup methods` */
export function registerMethods(program: Command, exit: Exit): void {
  program
    .command('methods')
    .description('list the methods, or the options of one method')
    .argument('[method]')
    .option('--json', 'print JSON')
    .action(async (method, flags) => {
      const { methods } = await import('./methods.js')
      exit(await methods(method, flags))
    })
}
