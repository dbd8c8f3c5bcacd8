import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadExported } from './exported-model.js'

let outer: string
let folder: string
let whole: { json: Record<string, unknown>; weights: Buffer }

beforeAll(async () => {
  await prepareEngine({ engine: 'cpu' })
  outer = await mkdtemp(join(tmpdir(), 'selfsup-model-'))
  folder = join(outer, 'model')
  const model = sequential({ layers: [layers.dense({ units: 2, inputShape: [3] })] })
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const weights = Buffer.from(tf.io.CompositeArrayBuffer.join(weightData))
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }]
      whole = { json: { format: 'layers-model', modelTopology, weightsManifest }, weights }
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
    }),
  )
})
beforeEach(async () => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await writeFile(join(folder, 'weights.bin'), whole.weights)
  await writeFile(join(outer, 'outside.bin'), whole.weights)
})
afterAll(() => rm(outer, { recursive: true, force: true }))

const manifest = (
  change: (group: { paths: unknown; weights: { shape: unknown; dtype: string }[] }) => void,
) => {
  const json = structuredClone(whole.json) as { weightsManifest: Parameters<typeof change>[0][] }
  change(json.weightsManifest[0]!)
  return json
}
const load = async (json: unknown) => {
  await writeFile(join(folder, 'model.json'), JSON.stringify(json))
  return loadExported(folder)
}

test('opens a model with the weights in its folder', async () => {
  const model = await load(whole.json)
  const kernel = await model.getWeights()[0]!.data()
  expect(new Uint8Array(kernel.buffer, kernel.byteOffset, 24)).toEqual(
    new Uint8Array(whole.weights.subarray(0, 24)),
  )
})

test.each<[string, () => unknown, string]>([
  ['a path upwards', () => manifest((group) => (group.paths = ['../outside.bin'])), 'is outside its folder'],
  [
    'a path that goes down and up',
    () => manifest((group) => (group.paths = ['a/../../outside.bin'])),
    'is outside its folder',
  ],
  [
    'an absolute path',
    () => manifest((group) => (group.paths = [join(outer, 'outside.bin')])),
    'is outside its folder',
  ],
  ['its own folder', () => manifest((group) => (group.paths = ['.'])), 'is outside its folder'],
  ['no paths', () => manifest((group) => (group.paths = 'weights.bin')), 'must have paths and weights'],
  [
    'a shape of terabytes',
    () => manifest(({ weights }) => (weights[0]!.shape = [1e6, 1e6])),
    'its weights need',
  ],
  [
    'a negative shape',
    () => manifest(({ weights }) => (weights[0]!.shape = [-3, -2])),
    'must be whole numbers',
  ],
  [
    'strings',
    () => manifest(({ weights }) => (weights[0]!.dtype = 'string')),
    "weight 'dense_Dense1/kernel' has type string",
  ],
  [
    'the files twice',
    () => manifest((group) => (group.paths = ['weights.bin', 'weights.bin'])),
    'need 32 bytes',
  ],
  ['no weights', () => ({ ...whole.json, weightsManifest: undefined }), 'it contains no weights'],
  ['nothing', () => null, 'it must contain an object'],
])('refuses a model.json that names %s', async (_, json, message) => {
  const opened = load(json())
  await expect(opened).rejects.toThrow(message)
  await expect(opened).rejects.toBeInstanceOf(SelfsupError)
})

test.runIf(process.platform !== 'win32')('refuses a link out of the folder', async () => {
  await symlink(join(outer, 'outside.bin'), join(folder, 'inside.bin'))
  await expect(load(manifest((group) => (group.paths = ['inside.bin'])))).rejects.toThrow(
    'a link to a file outside its folder',
  )
  expect(await readFile(join(outer, 'outside.bin'))).toEqual(whole.weights)
})
