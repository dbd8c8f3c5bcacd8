import type { Engine } from '@selfsup/engine'
import { Command, CommanderError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { registerAdvise } from './commands/advise.command.js'
import { registerBackbones } from './commands/backbones.command.js'
import { registerCompare } from './commands/compare.command.js'
import { registerDemo } from './commands/demo.command.js'
import { registerDoctor } from './commands/doctor.command.js'
import { registerDuplicates } from './commands/duplicates.command.js'
import { registerEmbed } from './commands/embed.command.js'
import { registerEngine } from './commands/engine.command.js'
import { registerEvaluate } from './commands/evaluate.command.js'
import { registerExport } from './commands/export.command.js'
import { registerIndex } from './commands/index.command.js'
import { registerLaunch } from './commands/launch.command.js'
import { registerMethods } from './commands/methods.command.js'
import { registerPretrain } from './commands/pretrain.command.js'
import { registerPreview } from './commands/preview.command.js'
import { registerReport } from './commands/report.command.js'
import { registerResume } from './commands/resume.command.js'
import { registerSearch } from './commands/search.command.js'
import { registerSelect } from './commands/select.command.js'
import { registerServe } from './commands/serve.command.js'
import { blocksThread, type EngineFlags, setEngineFlags } from './engine.js'

// Import nothing heavy here, so that `selfsup --help` answers immediately. Each command imports what it needs when it runs.

/** In the order of the help text. */
const commands = [
  registerAdvise,
  registerPretrain,
  registerResume,
  registerLaunch,
  registerEvaluate,
  registerCompare,
  registerEmbed,
  registerExport,
  registerIndex,
  registerSearch,
  registerDuplicates,
  registerSelect,
  registerPreview,
  registerReport,
  registerServe,
  registerDemo,
  registerMethods,
  registerBackbones,
  registerDoctor,
  registerEngine,
]

/**
 * The command line: parses arguments, runs the command, prints errors.
 * @param args without node and script: `['pretrain', 'simclr', 'images']`
 * @param options.onThread runs the command on a thread of its own; used for engines that block their thread. Default: on this thread
 * @returns exit code of the process
 */
export async function run(
  args: readonly string[],
  { onThread }: { readonly onThread?: (args: readonly string[]) => Promise<number> } = {},
): Promise<number> {
  let code = 0
  const program = describe((commandCode) => {
    code = commandCode
  })
  if (onThread)
    program.hook('preAction', async (_, command) => {
      if (await blocks(command)) throw new OnThread()
    })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    if (error instanceof OnThread && onThread) return onThread(args)
    const { reportFailure } = await import('./failure.js')
    return reportFailure(error)
  }
}

/** Ends parsing before the command runs, because it is to run on a thread of its own. */
class OnThread extends Error {}

/** Whether a command computes with an engine that blocks its thread. */
async function blocks(command: Command): Promise<boolean> {
  if (!command.options.some(({ long }) => long === '--engine')) return false
  const { engine = process.env.SELFSUP_ENGINE ?? 'auto' } = command.opts<{ engine?: string }>()
  const name = engine === 'auto' ? await fastest() : engine
  return name !== undefined && blocksThread({ name: name as Engine['name'] })
}

async function fastest() {
  const { fastestEngine } = await import('@selfsup/engine')
  return fastestEngine()
}

function describe(exit: (code: number) => void): Command {
  const program = new Command('selfsup')
    .description(
      'Self-supervised learning on images: pretrain a feature extractor without labels, evaluate it, use it.',
    )
    .version(manifest.version, '-v, --version')
    .exitOverride()
    .showHelpAfterError('(selfsup --help lists the commands, selfsup COMMAND --help the options of one)')
    .addHelpText('after', examples)
    .addOption(
      new Option(
        '--mixed-precision <choice>',
        'compute convolutions and matrix products of networks in bfloat16, everything else in float32; auto: on processors with AMX or AVX512-BF16',
      ).choices(['auto', 'on', 'off']),
    )
    .option(
      '--xla',
      'compile steps with XLA before they run (default: in the background on GPUs, in long runs)',
    )
    .option('--no-xla', 'never use XLA')
    .configureHelp({ showGlobalOptions: true })
    .hook('preAction', () => setEngineFlags(program.opts<EngineFlags>()))

  for (const register of commands) register(program, exit)
  return program
}

const examples = `
Examples:
  selfsup demo
  selfsup advise images/
  selfsup pretrain simclr images/ --out runs/a --epochs 100
  selfsup resume runs/a
  selfsup launch -n 2 -- pretrain simclr images/ --out runs/b
  selfsup evaluate runs/a labelled/train labelled/test --all
  selfsup compare runs/a runs/b
  selfsup embed runs/a images/ --out features.npy
  selfsup export runs/a --format onnx
  selfsup index runs/a images/
  selfsup search runs/a query.jpg`
