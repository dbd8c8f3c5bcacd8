// Measures the memory of a training step against the number of activations of the networks, from which `stepMemory` of
// @selfsup/train estimates it. Linux only (/proc).
//   node tooling/bench/step-memory.mjs ENGINE METHOD BACKBONE SIZE BATCH [IMAGE-SIZE]
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from './packages.mjs'

const [engineName, methodName = 'simclr', backbone = 'convnet', size = '64', batch = '32'] =
  process.argv.slice(2)
const { prepareEngine } = await load('engine')
const { shapes } = await load('data')
const { train } = await load('train')
const { makeMethod, defaultNormalisation, findMethod } = await load('runs')
const engine = await prepareEngine({
  engine: /** @type {import('@selfsup/engine').EngineName} */ (engineName),
})
const method = await makeMethod({
  method: methodName,
  options: {},
  imageShape: { size: Number(size), channels: 3 },
  normalisation: await defaultNormalisation(3),
  backbone,
  seed: 1,
})
const definition = await findMethod(methodName)
/** @param {'VmRSS' | 'VmHWM'} name */
const gigabytes = (name) =>
  Number(new RegExp(`${name}:\\s*(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1e6
let elements = 0
for (const layer of method.networks.backbone.layers) {
  const outputs = [layer.getOutputAt(0)].flat()
  for (const { shape } of outputs) elements += shape.slice(1).reduce((a, b) => (a ?? 1) * (b ?? 1), 1) ?? 0
}
const before = gigabytes('VmRSS')
const out = mkdtempSync(join(tmpdir(), 'step-memory-'))
const { optimizer, learningRate } = definition.training(method.options ?? {})
await train(method, shapes({ size: Number(size), count: Number(batch) }), {
  out,
  engine,
  epochs: 2,
  batchSize: Number(batch),
  learningRate: learningRate / 10,
  optimizer,
})
rmSync(out, { recursive: true })
const images = Math.max(1, method.crops.length) * Number(batch)
const used = gigabytes('VmHWM') - before
console.log(
  JSON.stringify({
    engine: engineName,
    method: methodName,
    backbone,
    size,
    batch,
    base: before,
    used,
    million: (elements * images) / 1e6,
    bytesPerActivation: (used * 1e9) / (elements * images),
  }),
)
