import { type Command, Option } from 'commander'
import { type Exit, integer } from '../flags.js'

/** `selfsup serve` */
export function registerServe(program: Command, exit: Exit): void {
  program
    .command('serve')
    .description('serve a page that shows runs while they train; by default only to this machine')
    .argument('[folder]', 'folder that contains the runs', 'runs')
    .option('--port <n>', 'port; 0 chooses a free one', integer(0), 6070)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--map-points <n>', 'points on the embedding map (default: 1500)', integer(10))
    .option('--no-thumbnails', 'leave out thumbnails of images')
    .addOption(new Option('--no-pictures', 'earlier name of --no-thumbnails').hideHelp())
    .action(async (folder, { thumbnails, pictures, ...flags }) => {
      const { serve } = await import('./serve.js')
      exit(await serve(folder, { ...flags, images: thumbnails && pictures }))
    })
}
