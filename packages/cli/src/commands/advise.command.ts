import type { Command } from 'commander'
import { type Exit, imagesHelp, integer, splitOption } from '../flags.js'

/** `selfsup advise` */
export function registerAdvise(program: Command, exit: Exit): void {
  program
    .command('advise')
    .description(
      'which methods and augmentations suit your images, which do not and why, from a look at some',
    )
    .argument('<images>', imagesHelp)
    .option('--sample <n>', 'how many images are looked at (default: 1000)', integer(1))
    .addOption(splitOption())
    .option('--seed <n>', 'same seed, same sample (default: 1)', integer(0))
    .option('--json', 'print one JSON object')
    .action(async (images, flags) => {
      const { advise } = await import('./advise.js')
      exit(await advise(images, flags))
    })
}
