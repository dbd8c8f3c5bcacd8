import { type Command, Option } from 'commander'
import { type Exit, engineOption } from '../flags.js'

/** `selfsup export` */
export function registerExport(program: Command, exit: Exit): void {
  program
    .command('export')
    .description('write a model for other programs: ONNX, PyTorch, browsers')
    .argument(
      '<run>',
      'folder of a run or of an exported model, or a pretrained model by name, address or path',
    )
    .addOption(
      new Option(
        '--format <name>',
        'onnx; safetensors: weights with the names of torchvision or timm where they exist; tfjs: for TensorFlow.js',
      )
        .choices(['onnx', 'safetensors', 'tfjs'])
        .makeOptionMandatory(),
    )
    .option('--out <path>', 'file, or folder for tfjs (default: the name of the run’s folder)')
    .addOption(
      new Option(
        '--input <kind>',
        'images that an ONNX model takes: uint8 [batch, height, width, channels], or float [batch, channels, height, width] in 0..1 (default: uint8)',
      ).choices(['uint8', 'float']),
    )
    .option(
      '--backbone-only',
      'export the backbone even if the method computes its features from more than that',
    )
    .addOption(engineOption())
    .option('--json', 'print one JSON object')
    .action(async (run, flags) => {
      const { exportRun } = await import('./export.js')
      exit(await exportRun(run, flags))
    })
}
