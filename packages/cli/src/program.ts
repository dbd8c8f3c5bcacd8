import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }

// Nothing heavy is imported here: `selfsup --help` must answer at once. Each command brings what it needs.

/**
 * The command line: parses, runs the command, prints what went wrong.
 * @param args without node and script: `['pretrain', 'simclr', 'pictures']`
 * @returns the process's exit code
 */
export async function run(args: readonly string[]): Promise<number> {
  let code = 0
  const program = describe((commandCode) => {
    code = commandCode
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    const { reportFailure } = await import('./failure.js')
    return reportFailure(error)
  }
}

function describe(exit: (code: number) => void): Command {
  const program = new Command('selfsup')
    .description(
      'Learn from images without labels: pretrain a feature extractor, see how good it is, use it.',
    )
    .version(manifest.version, '-v, --version')
    .exitOverride()
    .showHelpAfterError('(selfsup --help shows all commands; selfsup COMMAND --help its options)')
    .addHelpText('after', examples)
    .addOption(
      new Option(
        '--mixed-precision <choice>',
        'convolutions and matrix products of networks in bfloat16, all else in float32; auto: on processors with AMX or AVX512-BF16',
      ).choices(['auto', 'on', 'off']),
    )
    .option('--xla', 'compile steps through XLA (default: on GPUs in long runs)')
    .option('--no-xla', 'never through XLA')
    .configureHelp({ showGlobalOptions: true })
    // Told to the engine through the environment before it starts: no part of what a run is made of.
    .hook('preAction', () => {
      const { mixedPrecision, xla } = program.opts()
      if (mixedPrecision !== undefined) process.env.SELFSUP_MIXED_PRECISION = mixedPrecision
      if (xla !== undefined) process.env.SELFSUP_XLA = xla ? '1' : '0'
    })

  program
    .command('advise')
    .description(
      'which methods and augmentations suit your images, which do not and why, from a look at some',
    )
    .argument('<images>', imagesHelp)
    .option('--sample <n>', 'how many images are looked at (default: 1000)', integer(1))
    .addOption(splitOption())
    .option('--seed <n>', 'same seed, same sample (default: 1)', integer(0))
    .option('--json', 'print one JSON object')
    .action(async (images, flags) => {
      const { advise } = await import('./commands/advise.js')
      exit(await advise(images, flags))
    })

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
      const { pretrain } = await import('./commands/pretrain.js')
      exit(await pretrain(method, images, flags))
    })

  program
    .command('resume')
    .description('go on with a run that was stopped, as if it had never been')
    .argument('<run>', 'the run’s folder')
    .addOption(engineOption())
    .option('--json', 'one JSON object per line instead of a progress bar')
    .action(async (run, flags) => {
      const { resume } = await import('./commands/pretrain.js')
      exit(await resume(run, flags))
    })

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
      const { evaluate } = await import('./commands/evaluate.js')
      exit(await evaluate(run, train, test, flags))
    })

  program
    .command('compare')
    .description('which of several judged runs is better, by how much, with intervals')
    .argument(
      '<runs...>',
      'folders of runs that were judged on the same images; the first against each other one',
    )
    .option('--json', 'print one JSON array')
    .action(async (runs, flags) => {
      const { compare } = await import('./commands/compare.js')
      exit(await compare(runs, flags))
    })

  program
    .command('embed')
    .description('write the features of images to a file')
    .argument('<run>', 'a run’s folder')
    .argument('<images>', imagesHelp)
    .requiredOption('--out <file>', 'features.npy or features.parquet')
    .addOption(splitOption())
    .option('--limit <n>', 'at most this many images, from all over them', integer(1))
    .option('--strict', 'stop at the first unreadable image')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, images, flags) => {
      const { embed } = await import('./commands/embed.js')
      exit(await embed(run, images, flags))
    })

  program
    .command('index')
    .description('make or bring up to date an index of images, for search and duplicates')
    .argument('<run>', 'a run’s folder')
    .argument('<images>', imagesHelp)
    .addOption(splitOption())
    .option('--strict', 'stop at the first unreadable image')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, images, flags) => {
      const { indexImages } = await import('./commands/index-images.js')
      exit(await indexImages(run, images, flags))
    })

  program
    .command('search')
    .description('the indexed images that are most like a picture')
    .argument('<run>', 'the folder of a run whose images are indexed')
    .argument('<picture>', 'a file')
    .option('--k <n>', 'how many (default: 10)', integer(1))
    .option('--exact', 'compare with every image, also where there is an approximate index')
    .option('--sheet <file>', 'also draw them: a PNG to write')
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, picture, flags) => {
      const { search } = await import('./commands/search.js')
      exit(await search(run, picture, flags))
    })

  program
    .command('duplicates')
    .description('groups of indexed images that are nearly the same')
    .argument('<run>', 'the folder of a run whose images are indexed')
    .option('--similarity <x>', 'cosine of the features from which on two are (default: 0.98)', positive)
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, flags) => {
      const { duplicates } = await import('./commands/duplicates.js')
      exit(await duplicates(run, flags))
    })

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
      const { preview } = await import('./commands/preview.js')
      exit(await preview(images, flags))
    })

  program
    .command('report')
    .description('one HTML file about runs, to look at and to send on; opens without a connection')
    .argument('<runs...>', 'runs’ folders')
    .option('--out <file>', 'the file to write', 'report.html')
    .option('--title <text>', 'its heading (default: the run’s name)')
    .option('--map-points <n>', 'points on the map of features (default: 1500)', integer(10))
    .option('--no-pictures', 'leave the pictures of images out')
    .action(async (runs, flags) => {
      const { report } = await import('./commands/report.js')
      exit(await report(runs, flags))
    })

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
      const { serve } = await import('./commands/serve.js')
      exit(await serve(folder, flags))
    })

  program
    .command('demo')
    .description('the main job on drawn images, in a few minutes: pretrain, evaluate, compare')
    .option('--out <folder>', 'where the run is written (default: runs/demo)')
    .addOption(engineOption())
    .option('--json', 'print one JSON object at the end')
    .action(async (flags) => {
      const { demo } = await import('./commands/demo.js')
      exit(await demo(flags))
    })

  program
    .command('methods')
    .description('list the methods, or one method’s options')
    .argument('[method]')
    .option('--json', 'print JSON')
    .action(async (method, flags) => {
      const { methods } = await import('./commands/methods.js')
      exit(await methods(method, flags))
    })

  program
    .command('backbones')
    .description('list the networks, with features and parameters')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { backbones } = await import('./commands/backbones.js')
      exit(await backbones(flags))
    })

  program
    .command('doctor')
    .description('which engine runs here, what is missing, and the command that mends it')
    .option('--verify', 'compare every installed library with the hash recorded when it was installed')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { doctor } = await import('./commands/doctor.js')
      exit(await doctor(flags))
    })

  const engine = program.command('engine').description('install, list and remove native engines')
  engine
    .command('install')
    .description(
      'fetch TensorFlow’s C library with pip and build the binding: about 20 times faster than WebAssembly',
    )
    .option('--cuda', 'for NVIDIA cards, with NVIDIA’s libraries: 3.4 GB to download, 5.6 GB on the disk')
    .action(async (flags) => {
      const { installEngine } = await import('./commands/engine.js')
      exit(await installEngine(flags))
    })
  engine
    .command('list')
    .description('what is installed where, how large, whether it works, and which is taken')
    .option('--json', 'print JSON')
    .action(async (flags) => {
      const { listEngines } = await import('./commands/engine.js')
      exit(await listEngines(flags))
    })
  engine
    .command('remove')
    .description('remove installations; nothing outside the cache folder, and none that is in use')
    .argument('[names...]', 'as engine list shows them')
    .option('--all', 'all of them')
    .action(async (names, flags) => {
      const { removeEngines } = await import('./commands/engine.js')
      exit(await removeEngines(names, flags))
    })
  return program
}

/** Written down here so that help needs nothing heavy; a test holds it to what there is. */
export const protocolNames =
  'knn, linear-probe, separation, clustering, few-shot, retrieval, regression, data-efficiency, fine-tuning, convergence, detection, captioning'

const imagesHelp =
  'folder of pictures, MNIST IDX files, CIFAR binary batches, a WebDataset tar, or the word shapes'

const examples = `
Examples:
  selfsup demo
  selfsup advise pictures
  selfsup pretrain simclr pictures --out runs/a --epochs 100
  selfsup resume runs/a
  selfsup evaluate runs/a labelled/train labelled/test --all
  selfsup compare runs/a runs/b
  selfsup embed runs/a pictures --out features.npy
  selfsup index runs/a pictures
  selfsup search runs/a query.jpg`

function engineOption(): Option {
  return new Option('--engine <name>', 'auto takes the fastest').choices([
    'auto',
    'tensorflow',
    'wasm',
    'cpu',
  ])
}

function splitOption(): Option {
  return new Option('--split <name>', 'which part of MNIST, CIFAR or shapes (default: train)').choices([
    'train',
    'test',
  ])
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

function integer(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < min)
      throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`)
    return value
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}

function notNegative(text: string): number {
  const value = Number(text)
  if (!(value >= 0)) throw new InvalidArgumentError('It must be a number of at least 0.')
  return value
}
