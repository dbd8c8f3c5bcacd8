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
import { addImageFlags } from '../image-flags.js'
import { workerFlags } from '../workers.js'

/** `selfsup pretrain` */
export function registerPretrain(program: Command, exit: Exit): void {
  const command = program
    .command('pretrain')
    .description('train a feature extractor on images without labels')
    .argument('<method>', 'name of the method, such as simclr (see selfsup methods)')
    .argument('<images>', imagesHelp)
    .option('--out <folder>', 'folder of the run (default: runs/METHOD-IMAGES)')
    .option(
      '--backbone <name>',
      'the network, or a pretrained model to start from: a name (see selfsup backbones), hf:owner/name, a file or a folder (default: the method’s own, otherwise resnet18, or convnet on slow engines)',
    )
    .option(
      '--teacher <run>',
      'network to learn from, for distillation: the folder of a run or of an exported model, or a pretrained model',
    )
    .option(
      '--size <pixels>',
      'size of the network’s input images (default: 32 for small images; for large ones 224 on a GPU, 96 or less without)',
      integer(4),
    )
    .option('--epochs <n>', 'passes over the images (default: set by the method)', integer(1))
    .option(
      '--batch <n>',
      'images per step (default: set by the method; smaller for small datasets and little memory)',
      integer(2),
    )
    .option('--seed <n>', 'seed of all randomness (default: 1)', integer(0))
    .addOption(
      new Option('--optimizer <name>', 'optimiser (default: set by the method)').choices([
        'sgd',
        'lars',
        'adamw',
      ]),
    )
    .option(
      '--learning-rate <rate>',
      'peak learning rate, per 256 images if the method scales it with the batch (default: set by the method)',
      positive,
    )
    .option('--weight-decay <x>', 'weight decay (default: set by the method)', notNegative)
    .option('--warmup <epochs>', 'epochs of linear warm-up (default: set by the method)', notNegative)
    .option(
      '--set <option=value>',
      'set an option of the method; repeatable (see selfsup methods METHOD)',
      collect,
    )
    .option('--config <file>', 'JSON file with any of these settings; flags override it')
    .addOption(splitOption())
    .option('--count <n>', 'number of images that `shapes` draws (default: 10000)', integer(2))
    .option('--limit <n>', 'stop after this many steps', integer(1))
    .option(
      '--checkpoint-every <steps>',
      'steps between checkpoints (default: whole epochs of about 100 steps, at least every 15 minutes)',
      integer(1),
    )
    .option(
      '--patience <n>',
      'stop when the score of the features (--stop-by) has not risen for n checkpoints, and keep the best weights; 0: never (default: set by the method)',
      integer(0),
    )
    .addOption(
      new Option(
        '--stop-by <score>',
        'score for --patience: rankme, the effective rank of the features, or lidar, which counts only directions in which images differ more than their views (default: rankme)',
      ).choices(['rankme', 'lidar']),
    )
    .option('--strict', 'stop at the first unreadable image instead of skipping it')
    .option('--force', 'train even if the images look unsuitable, such as copies of one image')
  addImageFlags(command, 'auto')
    .addOption(engineOption())
    .option('--json', 'print one JSON object per line instead of a progress bar')
    .action(async (method, images, flags) => {
      const { pretrain } = await import('./pretrain.js')
      exit(await pretrain(method, images, flags))
    })
  for (const option of workerFlags()) command.addOption(option)
}
