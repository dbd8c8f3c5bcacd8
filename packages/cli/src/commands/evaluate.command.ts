import type { Command } from 'commander'
import { type Exit, engineOption, integer, protocolNames } from '../flags.js'

/** `selfsup evaluate` */
export function registerEvaluate(program: Command, exit: Exit): void {
  program
    .command('evaluate')
    .description('how good a run’s features are, by one or by all protocols; goes on where it was stopped')
    .argument(
      '<run>',
      'a run’s folder, or that of an exported model; with features, a folder for what is found',
    )
    .argument(
      '<train>',
      'images in class subfolders (or any form that holds labels) to learn from; or features.npy',
    )
    .argument(
      '<test>',
      'images to be tested on; the same as <train> for forms that hold both parts; or features.npy',
    )
    .option(
      '--protocol <names>',
      `one or more of these, by commas (default: knn,linear-probe): ${protocolNames}`,
    )
    .option('--all', 'every protocol that the data are good for')
    .option('--knn', 'only weighted k-nearest neighbours')
    .option('--linear', 'only the linear probe')
    .option('--baselines', 'also random features and raw pixels')
    .option('--other <run>', 'a run on other images, from whose weights training begins too')
    .option(
      '--seeds <n>',
      'of which mean and interval are taken (default: 3; 1 where no protocol is named)',
      integer(1),
    )
    .option('--seed <n>', 'the first of them (default: 1)', integer(0))
    .option('--steps <n>', 'updates of one training at most (default: the protocol’s)', integer(1))
    .option('--quick', 'a fraction of the work, for a first look')
    .option('--anew', 'do again what is done')
    .option('--limit <n>', 'at most this many images of each part, from all over it', integer(1))
    .option('--strict', 'stop at the first unreadable image')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, train, test, flags) => {
      const { evaluate } = await import('./evaluate.js')
      exit(await evaluate(run, train, test, flags))
    })
}
