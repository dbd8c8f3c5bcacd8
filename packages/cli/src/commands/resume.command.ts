import type { Command } from 'commander'
import { type Exit, engineOption } from '../flags.js'

/** `selfsup resume` */
export function registerResume(program: Command, exit: Exit): void {
  program
    .command('resume')
    .description('go on with a run that was stopped, as if it had never been')
    .argument('<run>', 'the run’s folder')
    .option('--images <images>', 'where the images are now, if not where the run found them')
    .addOption(engineOption())
    .option('--json', 'one JSON object per line instead of a progress bar')
    .action(async (run, flags) => {
      const { resume } = await import('./resume.js')
      exit(await resume(run, flags))
    })
}
