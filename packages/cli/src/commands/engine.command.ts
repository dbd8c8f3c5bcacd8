import type { Command } from 'commander'
import type { Exit } from '../flags.js'

/** `selfsup engine install`, `list` and `remove` */
export function registerEngine(program: Command, exit: Exit): void {
  const engine = program.command('engine').description('install, list and remove native engines')
  engine
    .command('install')
    .description(
      'fetch TensorFlow’s C library with pip and build the binding: about 20 times faster than WebAssembly',
    )
    .option('--cuda', 'for NVIDIA cards, with NVIDIA’s libraries: 3.4 GB to download, 5.6 GB on the disk')
    .action(async (flags) => {
      const { installEngine } = await import('./engine.js')
      exit(await installEngine(flags))
    })
  engine
    .command('list')
    .description('what is installed where, how large, whether it works, and which is taken')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { listEngines } = await import('./engine.js')
      exit(await listEngines(flags))
    })
  engine
    .command('remove')
    .description('remove installations; nothing outside the cache folder, and none that is in use')
    .argument('[names...]', 'as engine list shows them')
    .option('--all', 'all of them')
    .action(async (names, flags) => {
      const { removeEngines } = await import('./engine.js')
      exit(await removeEngines(names, flags))
    })
}
