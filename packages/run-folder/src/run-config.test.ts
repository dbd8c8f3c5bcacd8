import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRun, startRun } from './index.js'
import { parseRunConfig, type RunConfig } from './run-config.js'

/** config.json in format 2, written by `selfsup pretrain simclr shapes` and by `train` in a program. */
const fixture = (name: string) =>
  readFileSync(new URL(`fixtures/${name}/config.json`, import.meta.url), 'utf8')

test('converts a command line’s run of format 2 with its backbone, images and normalisation', () => {
  const old = JSON.parse(fixture('cli-run'))
  const run = parseRunConfig(fixture('cli-run'))
  expect(run).toMatchObject({
    formatVersion: 3,
    method: 'simclr',
    backbone: { name: 'convnet' },
    imageShape: { size: 16, channels: 3 },
    normalisation: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    dataset: {
      length: 64,
      source: {
        path: 'shapes',
        options: { split: 'train', count: 64, imageSize: 16, strict: false, channels: 3 },
      },
    },
  })
  expect(run.options).toEqual(old.options)
  expect(run.settings).toEqual(old.settings)
  expect(run.config).toEqual({})
})

test('converts a program’s run of format 2: keeps its config, without backbone and source', () => {
  const old = JSON.parse(fixture('program-run'))
  const run = parseRunConfig(JSON.stringify({ ...old, config: { mine: 1 } }))
  expect(run).toMatchObject({ normalisation: { mean: [0.2, 0.3, 0.4] }, config: { mine: 1 } })
  expect(run).not.toHaveProperty('backbone')
  expect(run.dataset).not.toHaveProperty('source')
})

test('adds ImageNet’s statistics to old runs of the command line without a normalisation', () => {
  const { normalisation, ...old } = JSON.parse(fixture('cli-run'))
  const of = (channels: number) => {
    const config = { ...old.config, normalisation: undefined, pictures: { size: 16, channels } }
    return parseRunConfig(JSON.stringify({ ...old, config })).normalisation
  }
  expect(of(3)).toEqual({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })
  expect(of(1)).toEqual({ mean: [0.449], std: [0.226] })
})

test.each([
  ['{', 'damaged-file', 'x is damaged'],
  ['{}', 'damaged-file', "x is not a run's: formatVersion is missing"],
  [
    '{"formatVersion":4}',
    'unsupported',
    'written by another version of Selfsup: format 4; this version reads 2 and 3',
  ],
  ['{"formatVersion":3}', 'damaged-file', "x is not a run's: method"],
])('refuses %s with code %s', (text, code, message) => {
  const parse = () => parseRunConfig(text, 'x')
  expect(parse).toThrow(message)
  expect(parse).toThrow(expect.objectContaining({ code }))
})

test('startRun writes a run, replaces one without steps, and keeps any other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'selfsup-run-folder-'))
  try {
    await expect(readRun(folder)).rejects.toThrow(`${folder} holds no run`)
    const config: RunConfig = {
      ...parseRunConfig(fixture('cli-run')),
      backbone: { name: 'own', topology: 'topology.json' },
    }
    await startRun(folder, config, { layers: [] })
    expect(await readRun(folder)).toEqual({ ...config, folder, step: 0, totalSteps: 12, finished: false })
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'topology.json'])
    const { backbone, ...other } = config
    await startRun(folder, { ...other, backbone: { name: 'convnet', options: {} } })
    expect(await readdir(folder)).toEqual(['config.json'])
    const { mkdir } = await import('node:fs/promises')
    await mkdir(join(folder, 'checkpoints'))
    await writeFile(join(folder, 'checkpoints', 'step-00000012.safetensors'), '')
    const text = await readFile(join(folder, 'config.json'), 'utf8')
    await expect(startRun(folder, config)).rejects.toThrow('already holds a run (simclr, finished)')
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(text)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.each(['null', '[]', '3', '"run"', '{}'])('a config.json of %s is refused with its name', (text) => {
  expect(() => parseRunConfig(text, 'runs/a/config.json')).toThrow(
    "runs/a/config.json is not a run's: formatVersion is missing",
  )
})
