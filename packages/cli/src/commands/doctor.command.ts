import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup doctor` */
export function registerDoctor(program: Command, exit: Exit): void {
  program
    .command('doctor')
    .description('show which engine runs here, what is missing, and the command that fixes it')
    .option('--verify', 'check every installed library against the hash stored at installation')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { doctor } = await import('./doctor.js')
      exit(await doctor(flags))
    })
}
