import type { Command } from 'commander'
import { type Exit, engineOption } from '../flags.js'

/** `selfsup resume` */
export function registerResume(program: Command, exit: Exit): void {
  program
    .command('resume')
    .description('continue an interrupted run; the result is the same as without the interruption')
    .argument('<run>', 'folder of the run')
    .option('--images <images>', 'new location of the images, if they have moved')
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line instead of a progress bar')
    .action(async (run, flags) => {
      const { resume } = await import('./resume.js')
      exit(await resume(run, flags))
    })
}
