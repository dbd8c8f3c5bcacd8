import type { Command } from 'commander'
import { collect, type Exit, engineOption, imagesHelp, integer } from '../flags.js'
import { addImageFlags } from '../image-flags.js'

/** `selfsup preview` */
export function registerPreview(program: Command, exit: Exit): void {
  const command = program
    .command('preview')
    .description('write a PNG with images and the augmented views that a method trains on')
    .argument('<images>', imagesHelp)
    .option('--method <name>', 'method whose views are shown (default: simclr)')
    .option('--set <option=value>', 'set an option of the method; repeatable', collect)
    .option('--out <file>', 'output PNG (default: preview.png)')
    .option('--size <pixels>', 'size of the views (default: as pretrain)', integer(4))
    .option('--count <n>', 'number of images (default: 8)', integer(1))
    .option('--seed <n>', 'seed of the views (default: 1)', integer(0))
  addImageFlags(command, 'auto')
    .addOption(engineOption())
    .action(async (images, flags) => {
      const { preview } = await import('./preview.js')
      exit(await preview(images, flags))
    })
}
