import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup doctor` */
export function registerDoctor(program: Command, exit: Exit): void {
  program
    .command('doctor')
    .description('which engine runs here, what is missing, and the command that mends it')
    .option('--verify', 'compare every installed library with the hash recorded when it was installed')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { doctor } = await import('./doctor.js')
      exit(await doctor(flags))
    })
}
