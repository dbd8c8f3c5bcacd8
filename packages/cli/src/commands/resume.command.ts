import type { Command } from 'commander'
import { type Exit, engineOption, integer } from '../flags.js'
import { workerFlags } from '../workers.js'

/** `selfsup resume` */
export function registerResume(program: Command, exit: Exit): void {
  const command = program
    .command('resume')
    .description(
      'continue an interrupted run, with the same result as without the interruption; or extend a run by --epochs',
    )
    .argument('<run>', 'folder of the run')
    .option('--images <images>', 'new location of the images, if they have moved')
    .option(
      '--epochs <n>',
      'train up to this number of epochs, even if the run has finished; the schedule becomes that of a run of this length',
      integer(1),
    )
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line instead of a progress bar')
    .action(async (run, flags) => {
      const { resume } = await import('./resume.js')
      exit(await resume(run, flags))
    })
  for (const option of workerFlags()) command.addOption(option)
}
