import { type Command, Option } from 'commander'
import { type Exit, engineOption, integer, modelHelp, protocolNames } from '../flags.js'
import { addImageFlags } from '../image-flags.js'

/** `selfsup evaluate` */
export function registerEvaluate(program: Command, exit: Exit): void {
  const command = program
    .command('evaluate')
    .description('measure how good features are; an interrupted evaluation resumes')
    .argument('<run>', `${modelHelp}; for .npy features, the folder for the results`)
    .argument(
      '<train>',
      'labelled images for training: class subfolders or any format with labels; or features.npy',
    )
    .argument(
      '<test>',
      'labelled images for testing; same as <train> if the format has both splits; or features.npy',
    )
    .option(
      '--protocol <names>',
      `comma-separated protocols (default: knn,linear-probe). All: ${protocolNames}`,
    )
    .option('--all', 'run every protocol that fits the data')
    .option('--knn', 'run only weighted k-nearest neighbours')
    .option('--linear', 'run only the linear probe')
    .option('--baselines', 'also evaluate random weights and raw pixels')
    .option('--other <run>', 'also start trainings from the weights of this run, pretrained on other images')
    .option(
      '--seeds <n>',
      'seeds for the mean and its interval (default: 3 with --protocol or --all, otherwise 1)',
      integer(1),
    )
    .option('--seed <n>', 'first seed (default: 1)', integer(0))
    .option('--steps <n>', 'maximum steps of each training (default: set by the protocol)', integer(1))
    .option('--quick', 'do a fraction of the work, for a quick estimate')
    .option('--force', 'repeat protocols that already have results')
    .addOption(new Option('--anew', 'earlier name of --force').hideHelp())
    .option('--limit <n>', 'at most this many images of each split, evenly spaced over it', integer(1))
    .option('--shard <i/n>', 'only compute and save the features of the i-th of n shares of the images')
    .option('--merge <n>', 'evaluate the features of n shares, which --shard saved', integer(1))
    .option('--strict', 'stop at the first unreadable image instead of skipping it')
  addImageFlags(command, 'run')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, train, test, { anew, ...flags }) => {
      const { evaluate } = await import('./evaluate.js')
      exit(await evaluate(run, train, test, { ...flags, force: flags.force ?? anew }))
    })
}
