import { type Command, Option } from 'commander'
import {
  collect,
  type Exit,
  engineOption,
  imagesHelp,
  integer,
  notNegative,
  positive,
  splitOption,
} from '../flags.js'

/** `selfsup pretrain` */
export function registerPretrain(program: Command, exit: Exit): void {
  program
    .command('pretrain')
    .description('learn features from images without labels')
    .argument('<method>', 'simclr, ... (selfsup methods lists all)')
    .argument('<images>', imagesHelp)
    .option('--out <folder>', 'where the run is written (default: runs/METHOD-IMAGES)')
    .option(
      '--backbone <name>',
      'the network (selfsup backbones lists all; default: the method’s, else resnet18)',
    )
    .option(
      '--size <pixels>',
      'side of the pictures that the network sees (default: 32 for small images, 224 for large)',
      integer(4),
    )
    .option('--epochs <n>', 'passes over the images (default: the method’s)', integer(1))
    .option(
      '--batch <n>',
      'images per step (default: the method’s, or what the images are enough for)',
      integer(2),
    )
    .option('--seed <n>', 'same seed, same run (default: 1)', integer(0))
    .addOption(new Option('--optimizer <name>', 'default: the method’s').choices(['sgd', 'lars', 'adamw']))
    .option(
      '--learning-rate <rate>',
      'the highest; for methods whose rate grows with the batch, of 256 images (default: the method’s)',
      positive,
    )
    .option('--weight-decay <x>', 'default: the method’s', notNegative)
    .option('--warmup <epochs>', 'epochs of linear warm-up (default: the method’s)', notNegative)
    .option(
      '--set <option=value>',
      'an option of the method, repeatable (selfsup methods METHOD lists them)',
      collect,
    )
    .option('--config <file>', 'JSON file with any of these settings; flags win over it')
    .addOption(splitOption())
    .option('--count <n>', 'how many images `shapes` draws (default: 10000)', integer(2))
    .option('--limit <n>', 'stop after this many steps', integer(1))
    .option(
      '--checkpoint-every <steps>',
      'how often the run is saved (default: each epoch, short ones together)',
      integer(1),
    )
    .option('--strict', 'stop at the first unreadable image instead of leaving it out')
    .addOption(engineOption())
    .option('--json', 'one JSON object per line instead of a progress bar')
    .action(async (method, images, flags) => {
      const { pretrain } = await import('./pretrain.js')
      exit(await pretrain(method, images, flags))
    })
}
