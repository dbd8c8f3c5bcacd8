import type { Command } from 'commander'
import { collect, type Exit, engineOption, imagesHelp, integer } from '../flags.js'

/** `selfsup preview` */
export function registerPreview(program: Command, exit: Exit): void {
  program
    .command('preview')
    .description('a contact sheet of images and the views that a method makes of them')
    .argument('<images>', imagesHelp)
    .option('--method <name>', 'whose views (default: simclr)')
    .option('--set <option=value>', 'an option of the method, repeatable', collect)
    .option('--out <file>', 'PNG to write (default: preview.png)')
    .option('--size <pixels>', 'side of the views', integer(4))
    .option('--count <n>', 'how many images (default: 8)', integer(1))
    .option('--seed <n>', 'default: 1', integer(0))
    .addOption(engineOption())
    .action(async (images, flags) => {
      const { preview } = await import('./preview.js')
      exit(await preview(images, flags))
    })
}
