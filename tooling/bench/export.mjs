// Writes every backbone of the registry with drawn weights as ONNX and safetensors, with features of drawn images, to
// .cache/bench-export; export.py opens them in onnxruntime, torchvision and timm and reports how far the features differ.
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { bare, load, prepared, quick, report } from './packages.mjs'

const { backbones } = await load('backbones')
const { uniforms } = await load('core')
const { writeFeatures } = await load('data')
const { toOnnx, torchWeights } = await load('export')
const { writeSafetensors } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()

const folder = fileURLToPath(new URL('../../.cache/bench-export', import.meta.url))
await rm(folder, { recursive: true, force: true })
await mkdir(folder, { recursive: true })
const normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const COUNT = 4

/** Statistics, scales and shifts of a trained network are not those of a new one. @param {import('@tensorflow/tfjs-layers').LayersModel} model */
function randomise(model) {
  for (const [stream, weight] of model.weights.entries()) {
    const name = weight.originalName
    if (/kernel$|\/scale\/moving_|(class-token|positions)\/moving_/.test(name)) continue
    const variable = /** @type {import('@tensorflow/tfjs-core').Variable} */ (weight.read())
    const from = /moving_variance|gamma/.test(name) ? 0.8 : -0.2
    const values = uniforms([7, stream], variable.size).map((value) => from + 0.4 * value)
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)))
  }
}

/** @type {import('./built.js').Row[]} */
const rows = []
/** @type {object[]} */
const cases = []
for (const size of quick ? [32] : [32, 224]) {
  const pixels = Uint8Array.from(uniforms([1, size], COUNT * size * size * 3), (value) =>
    Math.floor(256 * value),
  )
  await writeFeatures(`${folder}/images-${size}.npy`, {
    values: Float32Array.from(pixels),
    count: COUNT,
    width: size * size * 3,
  })
  for (const { name, create } of backbones) {
    if (size > 64 && name === 'fully-connected') continue // 150 million weights
    const model = create({ size })
    randomise(model)
    const features = tf.tidy(() => {
      const images = tf.div(tf.tensor4d(pixels, [COUNT, size, size, 3], 'int32'), 255)
      const input = tf.div(tf.sub(images, normalisation.mean), normalisation.std)
      return /** @type {import('@tensorflow/tfjs-core').Tensor2D} */ (model.apply(input, { training: false }))
    })
    const id = `${name}-${size}`
    const values = new Float32Array(await features.data())
    await writeFeatures(`${folder}/${id}.npy`, { values, count: COUNT, width: features.shape[1] })
    const started = performance.now()
    for (const input of /** @type {const} */ (['uint8', 'float'])) {
      const bytes = await toOnnx(model, { input, normalisation })
      await writeFile(`${folder}/${id}-${input}.onnx`, bytes)
    }
    rows.push({
      case: `${name}, ${size} pixels: two ONNX files written`,
      value: (performance.now() - started) / 1000,
      unit: 's',
    })
    const { names, tensors } = await torchWeights(model)
    await writeSafetensors(`${folder}/${id}.safetensors`, { tensors, metadata: { names } })
    cases.push({ id, name, size, names })
    features.dispose()
    model.dispose()
  }
}
await writeFile(`${folder}/cases.json`, JSON.stringify({ cases, normalisation }))
report(engine, rows)
