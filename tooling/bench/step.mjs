// One SimCLR step of two networks: ResNet-18 with the CIFAR stem, 128 pairs of 32x32 images, projector 512-512-128; and the four-layer
// ConvNet, 256 pairs, projector 256-512-128. float32 is compared with PyTorch's default and torch.compile, mixed precision with autocast.
import { load, peakMemory, prepared, quick, report } from './packages.mjs'
import { simclrStep } from './simclr-step.mjs'

const { convnet, resnet18 } = await load('backbones')
const engine = await prepared()
/** @type {typeof engine} */
const inFloat32 = {
  ...engine,
  precision: 'float32',
  compile: (step, options) => engine.compile(step, { ...options, precision: 'float32' }),
}

/**
 * Images per second of the fastest step; the first two steps are for warm-up, as in step.py.
 * @param {typeof engine} how
 * @param {import('@tensorflow/tfjs-layers').LayersModel} backbone
 * @param {number} images
 */
function speedOf(how, backbone, images) {
  const step = simclrStep(how, backbone, images)
  const times = []
  for (let i = 0; i < (quick ? 4 : 8); i++) {
    const started = performance.now()
    const values = step.run()
    values.dataSync()
    values.dispose()
    times.push((performance.now() - started) / 1000)
  }
  step.dispose()
  return images / Math.min(...times.slice(2))
}

const resnet = resnet18({ size: 32, stem: 'cifar' })
const small = convnet({ size: 32 })
const speed = speedOf(inFloat32, resnet, 256)
const memory = peakMemory()
const rows = [
  { case: 'ResNet-18, against PyTorch eager', value: speed, unit: 'images/s' },
  { case: 'ResNet-18, against torch.compile', value: speed, unit: 'images/s' },
  { case: 'peak memory, against PyTorch eager', value: memory, unit: 'MB' },
  { case: 'ConvNet, against PyTorch eager', value: speedOf(inFloat32, small, 512), unit: 'images/s' },
]
if (engine.precision === 'mixed-bfloat16')
  rows.push(
    { case: 'ResNet-18, against PyTorch autocast', value: speedOf(engine, resnet, 256), unit: 'images/s' },
    { case: 'ConvNet, against PyTorch autocast', value: speedOf(engine, small, 512), unit: 'images/s' },
  )
report(engine, rows)
process.exit()
