import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup engine install`, `list` and `remove` */
export function registerEngine(program: Command, exit: Exit): void {
  const engine = program.command('engine').description('install, list and remove native engines')
  engine
    .command('install')
    .description(
      'download TensorFlow’s C library with pip and build the binding: about 20 times faster than WebAssembly',
    )
    .option('--cuda', 'for NVIDIA GPUs, with NVIDIA’s libraries: 3.4 GB to download, 5.6 GB on disk')
    .action(async (flags) => {
      const { installEngine } = await import('./engine.js')
      exit(await installEngine(flags))
    })
  engine
    .command('list')
    .description('list installations: folder, size, whether each works, and which one is used')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { listEngines } = await import('./engine.js')
      exit(await listEngines(flags))
    })
  engine
    .command('remove')
    .description('remove installations from the cache folder, except those in use')
    .argument('[names...]', 'names shown by selfsup engine list')
    .option('--all', 'remove all installations')
    .action(async (names, flags) => {
      const { removeEngines } = await import('./engine.js')
      exit(await removeEngines(names, flags))
    })
}
