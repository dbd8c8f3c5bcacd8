import type { Command } from 'commander'
import { type Exit, integer } from '../flags.js'

/** `selfsup serve` */
export function registerServe(program: Command, exit: Exit): void {
  program
    .command('serve')
    .description(
      'a page that follows runs while they train; only this machine reaches it unless told otherwise',
    )
    .argument('[folder]', 'the folder that holds the runs', 'runs')
    .option('--port <n>', '0 takes any that is free', integer(0), 6070)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--map-points <n>', 'points on the map of features (default: 1500)', integer(10))
    .option('--no-pictures', 'leave the pictures of images out')
    .action(async (folder, flags) => {
      const { serve } = await import('./serve.js')
      exit(await serve(folder, flags))
    })
}
