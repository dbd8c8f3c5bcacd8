import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { contactSheet, shapes } from '@selfsup/data'
import { runPaths } from '@selfsup/run-folder'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { run } from './program.js'

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url))
const engine = testEngines()[0]!
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-cli-'))
  process.chdir(folder)
  vi.stubEnv('SELFSUP_ENGINE', engine)
  await mkdir(join(folder, 'images'))
  const dataset = shapes({ size: 16, count: 40 })
  for await (const { images } of dataset.batches({ batchSize: 40 })) {
    for (let i = 0; i < 40; i++) {
      const data = images!.data.subarray(i * 768, (i + 1) * 768)
      const path = join(folder, 'images', `class${i % 2}`, `${i}.png`)
      await contactSheet(path, { data, shape: [1, 16, 16, 3] }, { columns: 1, zoom: 1 })
    }
  }
}, 60_000)

afterEach(() => {
  vi.restoreAllMocks()
})
afterAll(async () => {
  vi.unstubAllEnvs()
  process.chdir(fileURLToPath(new URL('.', import.meta.url)))
  await rm(folder, { recursive: true, force: true })
})

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The program in this process, which does not have to start. */
async function selfsup(args: readonly string[]): Promise<Outcome> {
  const text = { out: '', err: '' }
  const write = (to: 'out' | 'err') => (chunk: unknown) => {
    text[to] += chunk
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(write('out'))
  vi.spyOn(process.stderr, 'write').mockImplementation(write('err'))
  vi.spyOn(console, 'log').mockImplementation((line) => {
    text.out += `${line}\n`
  })
  return { code: await run(args), ...text }
}

/** The built program in a process of its own, started as a user does: `npm test` builds before it tests. */
function started(
  args: readonly string[],
  onOutput?: (err: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: folder,
      env: { ...process.env, SELFSUP_ENGINE: engine },
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
      onOutput?.(err, (signal) => child.kill(signal))
    })
    child.on('close', (code) => resolve({ code: code ?? -1, out, err }))
  })
}

const small = ['--backbone', 'convnet', '--size', '16', '--batch', '8', '--set', 'outputs=8', '--seed', '3']

describe('reports bad input in one line without a stack trace', () => {
  test.each([
    [['pretrain', 'simclear', 'images'], "unknown method 'simclear'; did you mean 'simclr'?"],
    [['pretrain', 'simclr', 'no-such-folder'], 'no-such-folder does not exist'],
    [['advise', 'no-such-folder'], 'no-such-folder does not exist'],
    [['advise', 'empty'], 'empty: no images found; looked for jpg'],
    [['advise', 'images', '--sample', '0'], 'whole number of at least 1'],
    [['pretrain', 'simclr', 'empty'], 'empty: no images found; looked for jpg'],
    [
      ['pretrain', 'simclr', 'images', '--backbone', 'resnet81'],
      "unknown backbone 'resnet81'; did you mean 'resnet18'?",
    ],
    [['pretrain', 'simclr', 'images', '--epohcs', '3'], 'Did you mean --epochs?'],
    [['pretrain', 'simclr', 'images', '--epochs', 'many'], 'whole number'],
    [['pretrain', 'simclr', 'images', '--set', 'temperatur=1'], "did you mean 'temperature'?"],
    [['pretrain', 'simclr', 'images', ...small, '--batch', '64', '--out', 'runs/x'], '40'],
    [
      ['pretrain', 'simclr', 'images', '--config', 'wrong.json'],
      "unknown setting 'epoch'; did you mean 'epochs'?",
    ],
    [['evaluate', 'runs/none', 'images', 'images'], 'runs/none holds no run'],
    [
      ['evaluate', 'runs/none', 'a', 'b', '--protocol', 'knnn'],
      "unknown protocol 'knnn'; did you mean 'knn'?",
    ],
    [['evaluate', 'runs/none', 'a.npy', 'b'], 'both must be images or both features (.npy)'],
    [['evaluate', 'runs/none', 'a.npy', 'b.npy'], 'a.npy does not exist'],
    [['compare', 'runs/none'], 'expected at least two runs'],
    [['compare', 'runs/none', 'runs/none'], 'runs/none has not been evaluated'],
    [['resume', 'runs/none'], 'runs/none holds no run'],
    [['resume', 'runs/none'], 'pass the folder that you gave to pretrain as --out'],
    [['embed', 'runs/none', 'images', '--out', 'x.npy'], 'or a pretrained model such as dinov2-small'],
    [['export', 'runs/none', '--format', 'onnx'], 'or a pretrained model such as dinov2-small'],
    [['report', 'empty'], 'empty holds no run: there is no config.json in it or in a folder below it; pass'],
    [['embed', 'runs/none', 'images', '--out', 'x.csv'], '.npy or .parquet'],
    [['demo', '--out', 'images'], 'images exists and is not the run of a demo'],
    [['pretran'], 'Did you mean pretrain?'],
  ])('%j', async (args, message) => {
    await mkdir(join(folder, 'empty'), { recursive: true })
    await writeFile(join(folder, 'wrong.json'), '{ "epoch": 3 }')
    const { code, err } = await selfsup(args)
    expect(err).toContain(message)
    expect(err).not.toMatch(/\n\s+at /)
    expect(code).toBe(1)
  })
})

test('exits quietly if the reader closes the pipe', async () => {
  const child = spawn(process.execPath, [bin, 'pretrain', '--help'])
  child.stdout.destroy()
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(141)
  expect(err).toBe('')
})

test('methods, backbones and doctor print JSON', async () => {
  const [methods, backbones] = await Promise.all(
    ['methods', 'backbones'].map(async (command) => JSON.parse((await started([command, '--json'])).out)),
  )
  const doctor = JSON.parse((await selfsup(['doctor', '--json'])).out)
  expect(methods[0]).toMatchObject({ name: 'simclr' })
  expect(backbones.find((b: { name: string }) => b.name === 'resnet18')).toMatchObject({
    features: 512,
    parameters: 11_168_832,
  })
  // 5,717,416 of DeiT-Ti less its classifier, (16 x 16 - 4 x 4) x 3 of each patch and 197 - 65 positions, 192 wide.
  expect(backbones.find((b: { name: string }) => b.name === 'vit-tiny')).toMatchObject({
    features: 192,
    parameters: 5_717_416 - 193_000 - 720 * 192 - 132 * 192,
  })
  expect(doctor.engines).toHaveLength(4)
})

test('pretrain, stopped by Ctrl-C and resumed, then evaluate, embed and compare', async () => {
  await cp(join(folder, 'images'), join(folder, 'mixed'), { recursive: true })
  await writeFile(join(folder, 'mixed', 'class0', 'broken.jpg'), 'this is text')
  let stopped = false
  const first = await started(
    ['pretrain', 'simclr', 'mixed', ...small, '--epochs', '40', '--out', 'runs/a'],
    (err, kill) => {
      if (!stopped && /step \d+\/200/.test(err)) {
        stopped = true
        kill('SIGINT')
      }
    },
  )
  expect(first.err).toContain('Continue with: selfsup resume runs/a')
  expect(first.err).toContain('1 unreadable file was skipped')
  expect(first.code).toBe(130)
  const again = await selfsup(['pretrain', 'simclr', 'mixed', ...small, '--out', 'runs/a'])
  expect(again.code).toBe(1)
  expect(again.err).toContain('runs/a')

  const second = await started(['resume', 'runs/a'])
  expect(second.err).toContain('Done: 200 steps')
  expect(second.code).toBe(0)
  expect(existsSync(join(runPaths(join(folder, 'runs/a')).sheets, 'views.png'))).toBe(true)
  expect((await readdir(join(folder, 'runs/a'))).sort()).toEqual(
    expect.arrayContaining(['backbone', 'checkpoints', 'config.json', 'metrics.jsonl']),
  )
  const steps = (await readFile(join(folder, 'runs/a/metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(steps.at(-1)).toMatchObject({ step: 200 })

  const evaluated = await started(['evaluate', 'runs/a', 'images', 'images', '--baselines', '--json'])
  const { results } = JSON.parse(evaluated.out)
  expect(results.map(({ features }: { features: string }) => features)).toEqual([
    'simclr, step 200',
    'random weights',
    'raw pixels',
  ])
  for (const { knn, linear } of results) for (const part of [knn, linear]) expect(part).toBeGreaterThan(0)

  const embedded = await started(['embed', 'runs/a', 'images', '--out', 'features.npy', '--json'])
  expect(JSON.parse(embedded.out)).toEqual({ out: 'features.npy', count: 40, width: 256 })
  const file = await readFile(join(folder, 'features.npy'))
  expect(file.subarray(1, 6).toString()).toBe('NUMPY')
  expect(file.length).toBeGreaterThan(40 * 256 * 4)

  // The same features from three sources: the run, its exported model, and the written file.
  const protocols = ['--protocol', 'knn,retrieval', '--seeds', '1', '--json']
  const ofRun = await selfsup(['evaluate', 'runs/a', 'images', 'images', ...protocols])
  const ofModel = await selfsup(['evaluate', 'runs/a/backbone', 'images', 'images', ...protocols])
  const ofArrays = await selfsup(['evaluate', 'runs/given', 'features.npy', 'features.npy', ...protocols])
  interface JsonRecord {
    readonly subject: string
    readonly values: readonly { readonly features: string; readonly value: number }[]
  }
  const valuesOf = ({ out }: Outcome): number[] =>
    JSON.parse(out).records.flatMap(({ subject, values }: JsonRecord) =>
      values.filter(({ features }) => features === subject).map(({ value }) => value),
    )
  expect(ofRun.err).toContain('knn: results exist') // with baselines, a superset of this request
  for (const each of [ofModel, ofArrays])
    for (const [i, value] of valuesOf(ofRun).entries()) expect(valuesOf(each)[i]).toBeCloseTo(value, 4)
  expect(await readdir(join(folder, 'runs/given/evaluation'))).toEqual([
    expect.stringMatching(/^knn\.[0-9a-f]{12}\.json$/),
    expect.stringMatching(/^retrieval\.[0-9a-f]{12}\.json$/),
  ])

  const none = await selfsup([
    'evaluate',
    'runs/given',
    'features.npy',
    'features.npy',
    '--protocol',
    'fine-tuning',
  ])
  expect(none.err).toContain(
    'nothing could be evaluated: only features were given, without a network and images',
  )
  expect(none.code).toBe(1)

  const compared = await selfsup(['compare', 'runs/a', 'runs/a', '--json'])
  const [{ values: differences }] = JSON.parse(compared.out)
  expect(differences.length).toBeGreaterThan(5)
  for (const { difference, better } of differences) expect([difference, better]).toEqual([0, undefined])
  expect((await selfsup(['compare', 'runs/a', 'runs/a'])).out).toContain('Recall@1')
}, 300_000)

test('matches classes of two folders by name, not by number', async () => {
  // The same images under the same names, and one more class, whose name sorts first.
  await cp(join(folder, 'images'), join(folder, 'more'), { recursive: true })
  await cp(join(folder, 'images', 'class0', '0.png'), join(folder, 'more', 'another', '0.png'))
  const run = ['--epochs', '1', '--out', 'runs/classes']
  expect((await selfsup(['pretrain', 'simclr', 'images', ...small, ...run])).code).toBe(0)
  const evaluateOn = async (test: string) => {
    const { out, err } = await selfsup(['evaluate', 'runs/classes', 'images', test, '--json'])
    return { ...JSON.parse(out), err }
  }
  const [same, more] = [await evaluateOn('images'), await evaluateOn('more')]
  expect(more.results).toEqual(same.results)
  expect(same.err).toContain('images and images are the same images')
  expect(more.err).not.toContain('same images')
  expect(more.missingClasses).toEqual(['another'])
  expect(more.err).toContain('Classes of more that images does not contain are left out: another')
  await cp(join(folder, 'images', 'class0'), join(folder, 'strange', 'none'), { recursive: true })
  const strange = await selfsup(['evaluate', 'runs/classes', 'images', 'strange'])
  expect(strange.err).toContain(
    'the classes of the test images (none) and of the training images (class0, class1) have no name in common',
  )
  expect(strange.code).toBe(1)
}, 300_000)

test('advise prints commands that run', async () => {
  const { code, out, err } = await selfsup(['advise', 'images', '--json'])
  expect(err).toBe('')
  expect(code).toBe(0)
  const { measures, methods, warnings, commands } = JSON.parse(out)
  expect(measures).toMatchObject({ count: 40, looked: 40, read: 40, classes: 2 })
  expect(warnings[0]).toContain('40 images are few')
  expect(methods.length).toBeGreaterThan(8)
  expect(commands.map(({ args }: { args: string[] }) => args[0])).toEqual(
    expect.arrayContaining(['preview', 'pretrain']),
  )
  for (const [number, { args }] of commands.entries()) {
    const [command] = args
    const brief =
      command === 'pretrain'
        ? ['--limit', '1', '--backbone', 'convnet', '--out', `runs/advised${number}`]
        : []
    const outcome = await selfsup([...args, ...brief])
    expect(outcome.err).not.toContain('selfsup:')
    expect(outcome.code).toBe(0)
  }
  const text = await selfsup(['advise', 'images', '--sample', '20'])
  expect(text.out).toMatch(/40 images.*20 measured[\s\S]*Methods\n[\s\S]*Augmentations\n[\s\S]*Next\n/)
  for (const line of text.out.split('\n').filter((line) => !/^ {2}(selfsup|#)/.test(line)))
    expect(line.length).toBeLessThanOrEqual(100)
}, 300_000)

test('preview writes a PNG', async () => {
  const { code, err } = await selfsup(['preview', 'images', '--count', '4', '--out', 'sheet.png'])
  expect(err).toContain('original images in the first row, 2 views of each below')
  expect(code).toBe(0)
  expect((await readFile(join(folder, 'sheet.png'))).subarray(1, 4).toString()).toBe('PNG')
})

test('preview shows each image above its own views, even if some files are unreadable', async () => {
  await mkdir(join(folder, 'large'))
  const dataset = shapes({ size: 100, count: 4 })
  for await (const { images, indices } of dataset.batches({ batchSize: 1 }))
    await contactSheet(join(folder, 'large', `${indices[0]}.png`), images!, { columns: 1, zoom: 1 })
  await writeFile(join(folder, 'large', '00-broken.png'), 'this is text')
  const arguments_ = ['preview', 'large', '--size', '32', '--set', 'minScale=1', '--out', 'large.png']
  const { code, err } = await selfsup(arguments_)
  expect(code).toBe(0)
  expect(err).toContain('1 unreadable file was skipped')
  // Four columns, three rows of 32 pixels with borders of one, enlarged twice.
  expect(await measure(join(folder, 'large.png'))).toEqual({
    width: 2 * (4 * 33 + 1),
    height: 2 * (3 * 33 + 1),
  })
  await writeFile(join(folder, 'file'), '')
  const blocked = await selfsup(['preview', 'large', '--size', '32', '--out', 'file/sheet.png'])
  expect(blocked.err).toMatch(/selfsup: file\/sheet.png cannot be written/)
  expect(blocked.code).toBe(1)
})

/** Width and height of a PNG, from its head. */
async function measure(path: string): Promise<{ width: number; height: number }> {
  const head = await readFile(path)
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) }
}
