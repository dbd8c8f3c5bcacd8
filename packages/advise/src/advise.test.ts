import type { HostImages } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { describe, expect, test } from 'vitest'
import { advise } from './advise.js'
import { anyTurn, cells, letters, scenes, textures, tinted } from './made-sets.js'
import { type Measures, measureDataset, measureImages } from './measure.js'
import { judgedMethods } from './verdicts.js'

const sets: Record<string, HostImages> = {
  scenes: scenes(),
  'scenes turned at random': anyTurn(scenes()),
  textures: textures(),
  cells: cells(),
  letters: letters(),
  'grey scenes in RGB': tinted(scenes()),
  'sepia scenes': tinted(scenes(), [1, 0.8, 0.6]),
}

const measured = new Map<string, Measures>()
function measuresOf(set: string): Measures {
  const known = measured.get(set) ?? measureImages(sets[set]!, set)
  measured.set(set, known)
  return known
}

describe('what is said of a method for each kind of pictures', () => {
  test.each([
    ['rotation', 'scenes', 'suits'],
    ['rotation', 'letters', 'suits'],
    ['rotation', 'grey scenes in RGB', 'suits'],
    ['rotation', 'scenes turned at random', 'unsuited'],
    ['rotation', 'textures', 'unsuited'],
    ['rotation', 'cells', 'unsuited'],
    ['relative-patch', 'scenes', 'suits'],
    ['relative-patch', 'textures', 'unsuited'],
    ['split-brain', 'scenes', 'doubtful'], // 200 pictures are few
    ['split-brain', 'grey scenes in RGB', 'unsuited'],
    ['split-brain', 'sepia scenes', 'unsuited'],
    ['split-brain', 'letters', 'unsuited'],
    ['gan', 'scenes', 'unsuited'],
    ['cpc-series', 'scenes', 'unsuited'],
  ])('%s, %s: %s', (method, set, verdict) => {
    const { methods } = advise(measuresOf(set), { methods: [method] })
    expect(methods.map(({ name, verdict }) => [name, verdict])).toEqual([[method, verdict]])
  })

  test('the figure that it rests on is in the sentence', () => {
    const { orientation } = measuresOf('cells')
    const { methods } = advise(measuresOf('cells'), { methods: ['rotation'] })
    expect(methods[0]!.why).toContain(`${(100 * orientation!.turns.accuracy).toFixed(0)} %`)
    expect(methods[0]!.why).toContain('guessing has 25 %')
  })
})

describe('what is said of an augmentation', () => {
  test.each([
    ['mirrors', 'scenes', 'suits'],
    ['mirrors', 'letters', 'unsuited'],
    ['quarter turns', 'scenes', 'unsuited'],
    ['quarter turns', 'cells', 'suits'],
    ['hue, saturation, random grey', 'grey scenes in RGB', 'unsuited'],
    ['colour jitter, random grey', 'scenes', 'suits'],
  ])('%s, %s: %s', (name, set, verdict) => {
    const { augmentations } = advise(measuresOf(set))
    expect(augmentations.find((entry) => entry.name === name)?.verdict).toBe(verdict)
  })

  test.each([
    ['cells', ['views=anyOrientation']],
    ['letters', ['views=gray']],
    ['scenes', []],
  ])('its options are in the command: %s', (set, options) => {
    const { commands } = advise(measuresOf(set), { source: 'my pictures' })
    const full = commands.find(({ purpose }) => purpose === 'in full')!.args
    expect(full.slice(0, 3)).toEqual(['pretrain', 'simclr', 'my pictures'])
    for (const option of options) expect(full).toContain(option)
    if (options.length === 0) expect(full).not.toContain('--set')
  })
})

test('what is wrong with the pictures themselves', () => {
  const plain = measuresOf('scenes')
  const said = (changes: Partial<Measures>) => advise({ ...plain, count: 5000, ...changes }).warnings
  expect(said({})).toEqual([])
  const { light, colour, duplicates } = plain
  const sizes = { smallest: 9, median: 12, largest: 100, different: 30, elongated: 0.5 }
  const unreadable = [{ path: 'a.jpg', reason: 'empty file' }]
  const files = { wide: 1, transparent: 0.2, cmyk: 0.3, severalPages: 0.4 }
  for (const [changes, message] of [
    [{ count: 10 }, '10 pictures: too few to learn from'],
    [{ count: 300 }, '300 pictures are few'],
    [{ unreadable }, '1 of 200 pictures looked at cannot be read (such as a.jpg: empty file)'],
    [{ light: { ...light, blank: 0.02 } }, '2.0 % of the pictures are blank'],
    [{ light: { ...light, brightness: 3, contrast: 2 }, files }, 'Files of 16 bits'],
    [{ light: { ...light, contrast: 4 } }, 'Little contrast'],
    [{ sizes }, 'tiny: 12 pixels'],
    [{ sizes }, 'from 9 to 100 pixels'],
    [{ sizes }, '50 % of the pictures are more than twice as long'],
    [{ colour: { ...colour, grey: 0.4 } }, '40 % of the pictures are grey, the others coloured'],
    [{ files }, 'transparency'],
    [{ files }, 'CMYK'],
    [
      {
        duplicates: {
          ...duplicates,
          pairs: [[0, 1] as const],
          inSample: 0.01,
          estimate: 0.25,
          examples: [['a', 'b'] as const],
        },
      },
      '1 pair of near-duplicates among 200 pictures: about 25 % of all have a copy (such as a and b)',
    ],
  ] as const)
    expect(said(changes).join('\n')).toContain(message)
})

test.each([1, 2, 10, 39])('%i pictures are too few for figures, and it says so', (count) => {
  const measures = measureImages(scenes({ count }))
  expect(measures.orientation).toBeUndefined()
  const { warnings, methods, commands } = advise(measures)
  expect(warnings[0]).toMatch(/too few to learn from/)
  expect(methods.find(({ name }) => name === 'rotation')).toMatchObject({ verdict: 'doubtful' })
  expect(methods.map(({ verdict }) => verdict)).not.toContain('suits')
  expect(commands.length > 0).toBe(count >= 16)
})

test('no picture that can be read is an error', () => {
  expect(() => measureImages({ data: new Uint8Array(0), shape: [0, 16, 16, 3] }, 'none')).toThrow(
    'none: none of the 0 pictures',
  )
  expect(() => measureImages({ data: new Uint8Array(96), shape: [1, 8, 4, 3] })).toThrow('must be square')
})

test('copies do not let a classifier know the answers', () => {
  const { data, shape } = cells({ count: 120 })
  const many = new Uint8Array(3 * data.length)
  for (let copy = 0; copy < 3; copy++) many.set(data, copy * data.length)
  const measures = measureImages(
    { data: many, shape: [360, shape[1], shape[2], 3] },
    'cells, each three times',
  )
  expect(measures.duplicates.inSample).toBe(1)
  expect(measures.orientation!.turns.pictures).toBeLessThanOrEqual(120)
  expect(advise(measures, { methods: ['rotation'] }).methods[0]!.verdict).toBe('unsuited')
})

test('copies make contrastive methods doubtful, and others are suggested', async () => {
  const measures = await measureDataset(shapes({ size: 16, count: 2000 }), { count: 100 })
  expect(measures).toMatchObject({ count: 2000, looked: 100, classes: 10 })
  const copied: Measures = { ...measures, duplicates: { ...measures.duplicates, estimate: 0.5 } }
  const { methods, commands } = advise(copied)
  expect(methods.find(({ name }) => name === 'simclr')?.verdict).toBe('doubtful')
  expect(commands[0]!.args).toContain('vicreg')
  expect(new Set(methods.map(({ name }) => name))).toEqual(new Set(judgedMethods))
})
