// One SimCLR step of two networks: ResNet-18 with the CIFAR stem, 128 pairs of 32x32 images, projector 512-512-128; and the four-layer
// ConvNet, 256 pairs, projector 256-512-128.
import { load, peakMemory, prepared, quick, report } from './packages.mjs'
import { simclrStep } from './simclr-step.mjs'

const { convnet, resnet18 } = await load('backbones')
const engine = await prepared()

/**
 * Images per second of the fastest step; the first two steps are for warm-up, as in step.py.
 * @param {import('@tensorflow/tfjs-layers').LayersModel} backbone
 * @param {number} images
 */
function speedOf(backbone, images) {
  const step = simclrStep(engine, backbone, images)
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

const resnet = speedOf(resnet18({ size: 32, stem: 'cifar' }), 256)
const memory = peakMemory()
const small = speedOf(convnet({ size: 32 }), 512)
const mixed = engine.description.includes('bfloat16')
report(engine, [
  { case: 'ResNet-18, against PyTorch eager', value: resnet, unit: 'images/s' },
  { case: 'ResNet-18, against torch.compile', value: resnet, unit: 'images/s' },
  { case: 'peak memory, against PyTorch eager', value: memory, unit: 'MB' },
  { case: 'ConvNet, against PyTorch eager', value: small, unit: 'images/s' },
  ...(mixed
    ? [
        { case: 'ResNet-18, against PyTorch autocast', value: resnet, unit: 'images/s' },
        { case: 'ConvNet, against PyTorch autocast', value: small, unit: 'images/s' },
      ]
    : []),
])
process.exit()
