import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '@selfsup/engine'
import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { readRecords, writeRecord } from '@selfsup/run-folder'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compareRecords } from './compare.js'
import type { Protocol, Subject } from './protocol.js'
import { runProtocols, type SuiteOptions } from './suite.js'

let run: string
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'selfsup-suite-'))
})
afterEach(() => rm(run, { recursive: true }))

const subject = { name: 'ours' } as Subject
const images = { source: 'images', count: 10, fingerprint: 'f' }
const options = (given: Partial<SuiteOptions> = {}): SuiteOptions => ({
  run,
  engine: {} as Engine,
  seed: 1,
  facts: { step: 5, weights: 'w', images: { train: images, test: images } },
  settings: { limit: 0, baselines: false },
  ...given,
})

function counting(name: string, fails = false): Protocol & { runs: number } {
  return {
    name,
    title: name,
    summary: name,
    runs: 0,
    missing: () => (name === 'impossible' ? 'nothing to evaluate' : undefined),
    async find() {
      this.runs++
      if (fails) throw new Error('stopped')
      return { options: { k: 3 }, values: [{ metric: 'accuracy', features: 'ours', value: 0.5 }] }
    },
  }
}

describe('runProtocols', () => {
  test('resumes after an interruption, and repeats protocols whose inputs have changed', async () => {
    const [a, b, impossible] = [counting('a'), counting('b'), counting('impossible')]
    await expect(runProtocols([a, counting('b', true)], subject, options())).rejects.toThrow('stopped')
    const states: string[] = []
    const onProtocol: SuiteOptions['onProtocol'] = ({ protocol, state }) =>
      states.push(`${protocol.name} ${state}`)
    const result = await runProtocols([a, impossible, b], subject, options({ onProtocol }))
    expect(states).toEqual(['a kept', 'impossible impossible', 'b started', 'b done'])
    expect([a.runs, b.runs]).toEqual([1, 1])
    expect(result.records.map(({ protocol }) => protocol)).toEqual(['a', 'b'])
    expect(result.impossible).toEqual([{ protocol: 'impossible', why: 'nothing to evaluate' }])
    expect(result.records[0]).toMatchObject({
      subject: 'ours',
      step: 5,
      weights: 'w',
      options: { k: 3, limit: 0 },
    })

    await runProtocols([a], subject, options({ facts: { ...options().facts, weights: 'others' } }))
    await runProtocols([a], subject, options({ settings: { limit: 9, baselines: false } }))
    await runProtocols([a], subject, options({ settings: { limit: 9, baselines: true } }))
    expect(a.runs).toBe(4)
    await runProtocols([a], subject, options({ settings: { limit: 9, baselines: false } }))
    expect(a.runs).toBe(4)
    await runProtocols([a], subject, options({ settings: { limit: 9, baselines: false }, force: true }))
    expect(a.runs).toBe(5)
  })

  test('an interrupted protocol resumes with the next part if weights and settings are the same', async () => {
    const found: string[] = []
    const inParts = (stops: boolean): Protocol => ({
      ...counting('parts'),
      async find(_, { once }) {
        const part = (name: string) => once!(name, async () => ({ at: found.push(name) }))
        const first = await part('first')
        if (stops) throw new Error('stopped')
        const second = await part('second')
        return { options: {}, values: [{ metric: `${first.at} ${second.at}`, features: 'ours', value: 1 }] }
      },
    })
    await expect(runProtocols([inParts(true)], subject, options())).rejects.toThrow('stopped')
    const others = options({ facts: { ...options().facts, weights: 'others' } })
    await expect(runProtocols([inParts(true)], subject, others)).rejects.toThrow('stopped')
    expect(await readRecords(run)).toEqual([])
    const { records } = await runProtocols([inParts(false)], subject, others)
    expect(found).toEqual(['first', 'first', 'second'])
    expect(records[0]!.values[0]!.metric).toBe('2 3')
    expect(await readdir(join(run, 'evaluation'))).toEqual([
      expect.stringMatching(/^parts\.[0-9a-f]{12}\.json$/),
    ])
  })

  test('an evaluation on other images or on the training images replaces no result', async () => {
    const a = counting('a')
    const on = (test: object, train: object = {}) => ({
      facts: {
        ...options().facts,
        images: { train: { ...images, ...train }, test: { ...images, fingerprint: 'g', ...test } },
      },
    })
    await runProtocols([a], subject, options(on({})))
    await runProtocols([a], subject, options(on({ fingerprint: 'f' }))) // the training images
    await runProtocols([a], subject, options(on({ fingerprint: 'h' }))) // another test set
    await runProtocols([a], subject, options(on({ count: 5 }))) // a limit
    expect(await readRecords(run)).toHaveLength(4)
    await runProtocols([a], subject, options(on({})))
    expect(a.runs).toBe(4)
  })

  test('an interrupted protocol keeps its parts while other images are evaluated', async () => {
    const found: string[] = []
    const inParts = (stops: boolean): Protocol => ({
      ...counting('parts'),
      async find(_, { once }) {
        await once!('first', async () => found.push('first'))
        if (stops) throw new Error('stopped')
        return { options: {}, values: [{ metric: 'accuracy', features: 'ours', value: 1 }] }
      },
    })
    const elsewhere = { train: images, test: { ...images, fingerprint: 'g' } }
    const other = options({ facts: { ...options().facts, images: elsewhere } })
    await expect(runProtocols([inParts(true)], subject, options())).rejects.toThrow('stopped')
    await expect(runProtocols([inParts(true)], subject, other)).rejects.toThrow('stopped')
    await runProtocols([inParts(false)], subject, options())
    await runProtocols([inParts(false)], subject, other)
    expect(found).toEqual(['first', 'first'])
  })

  test('maxSteps only matters for protocols that train', async () => {
    const [a, b] = [counting('a'), { ...counting('b'), trains: true }]
    await runProtocols([a, b], subject, options({ settings: { maxSteps: 0 } }))
    await runProtocols([a, b], subject, options({ settings: { maxSteps: 9 } }))
    expect([a.runs, b.runs]).toEqual([1, 2])
  })

  test('damaged records are skipped and computed again', async () => {
    const a = counting('a')
    await runProtocols([a], subject, options())
    const [name] = await readdir(join(run, 'evaluation'))
    const path = join(run, 'evaluation', name!)
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 40))
    const unreadable: string[] = []
    expect((await readRecords(run, (each) => unreadable.push(each))).length).toBe(0)
    expect(unreadable).toEqual([path])
    await runProtocols([a], subject, options())
    expect(a.runs).toBe(2)
    expect(await readdir(join(run, 'evaluation'))).toEqual([name])
  })

  test('throws if the folder cannot be written to', async () => {
    await writeFile(join(run, 'evaluation'), 'a file')
    await expect(runProtocols([counting('a')], subject, options())).rejects.toThrow(
      /evaluation.a\.[0-9a-f]{12}\.json can't be written/,
    )
  })
})

function record(values: readonly EvaluationValue[], given: Partial<EvaluationRecord> = {}): EvaluationRecord {
  const fixed = { version: 1, protocol: 'knn', title: 'kNN', step: 1, options: {}, seconds: 1 } as const
  return { ...fixed, images: { train: images, test: images }, values, ...given }
}

describe('compareRecords', () => {
  const value = (features: string, value: number, half?: number, metric = 'accuracy'): EvaluationValue => ({
    metric,
    features,
    value,
    ...(half && { interval: [value - half, value + half] }),
    higherIsBetter: metric === 'accuracy',
  })
  const both = (first: EvaluationRecord, second: EvaluationRecord) => compareRecords([first], [second])

  test('reports which run is better and by how much, or that it is undecided', () => {
    const a = record(
      [
        value('a', 0.5, 0.03),
        value('random weights', 0.3),
        value('most frequent class', 0.4),
        value('tuned', 0.6, 0.1),
        value('a', 3, 0, 'steps'),
      ],
      { subject: 'a' },
    )
    const b = record(
      [
        value('b', 0.6, 0.04),
        value('random weights', 0.2),
        value('most frequent class', 0.4),
        value('tuned', 0.65, 0.1),
        value('b', 2, 0, 'steps'),
      ],
      { subject: 'b' },
    )
    const { values, left } = both(a, b)
    expect(left).toEqual([])
    expect(values.map(({ features, metric, better }) => [features, metric, better])).toEqual([
      [undefined, 'accuracy', 'second'],
      ['tuned', 'accuracy', undefined],
      [undefined, 'steps', 'second'],
    ])
    expect(values[0]!.difference).toBeCloseTo(0.1, 12)
    expect(values[0]!.interval![0]).toBeCloseTo(0.05, 12)
    expect(values[0]!.interval![1]).toBeCloseTo(0.15, 12)
    expect(both(b, a).values[0]!.better).toBe('first')
  })

  test('leaves out different images and protocols of one run only, with the reason', () => {
    const other = { ...images, fingerprint: 'g' }
    const a = record([value('a', 0.5)])
    expect(
      both(a, record([value('b', 0.6)], { images: { train: images, test: other } })).left[0]!.why,
    ).toContain('different images')
    expect(both(a, record([value('b', 0.6)], { protocol: 'probe' })).left.map(({ why }) => why)).toEqual([
      'only the first run has it',
      'only the second run has it',
    ])
  })

  test('compares every data that both runs have, and marks results on training images', () => {
    const test = { ...images, fingerprint: 'g', source: 'test' }
    const onTest = (value_: number) =>
      record([value('a', value_)], { subject: 'a', images: { train: images, test } })
    const onTraining = (value_: number) => record([value('a', value_)], { subject: 'a' })
    const { values, left } = compareRecords([onTraining(1), onTest(0.5)], [onTraining(1), onTest(0.6)])
    expect(values.map(({ test, onTraining, first }) => [test, onTraining, first.value])).toEqual([
      ['test', false, 0.5],
      ['images', true, 1],
    ])
    expect(left).toEqual([])
  })

  test('a record of an earlier version is read, and replaced only by one of the same data', async () => {
    const folder = join(run, 'evaluation')
    const old = record([value('a', 0.5)], { subject: 'a' })
    await mkdir(folder)
    await writeFile(join(folder, 'knn.json'), JSON.stringify(old))
    const elsewhere = record([value('a', 0.7)], {
      subject: 'a',
      images: { train: images, test: { ...images, count: 3 } },
    })
    await writeRecord(run, elsewhere)
    expect((await readRecords(run)).map(({ values: [first] }) => first!.value).sort()).toEqual([0.5, 0.7])
    const again = record([value('a', 0.6)], { subject: 'a' })
    await writeRecord(run, again)
    expect((await readRecords(run)).map(({ values: [first] }) => first!.value).sort()).toEqual([0.6, 0.7])
    expect(await readdir(folder)).not.toContain('knn.json')
    // Killed between writing the new file and removing the old one.
    await writeFile(join(folder, 'knn.json'), JSON.stringify(old))
    expect((await readRecords(run)).map(({ values: [first] }) => first!.value).sort()).toEqual([0.6, 0.7])
  })

  test('records are read as they were written', async () => {
    const written = record([value('a', 0.5, 0.1)], { subject: 'a' })
    await writeRecord(run, written)
    expect(await readRecords(run)).toEqual([written])
  })
})
