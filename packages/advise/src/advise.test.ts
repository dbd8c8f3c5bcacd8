import type { HostImages } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { describe, expect, test } from 'vitest'
import { advise } from './advise.js'
import { type Measures, measureImages } from './measure.js'
import { measureDataset } from './measure-dataset.js'
import { cells, letters, randomlyTurned, scenes, textures, tinted } from './sample-sets.js'
import { methodsWithRules } from './verdicts.js'

const sets: Record<string, HostImages> = {
  scenes: scenes(),
  'scenes turned at random': randomlyTurned(scenes()),
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

describe('verdict on a method for each kind of images', () => {
  test.each([
    ['rotation', 'scenes', 'suits'],
    ['rotation', 'letters', 'suits'],
    ['rotation', 'grey scenes in RGB', 'suits'],
    ['rotation', 'scenes turned at random', 'unsuited'],
    ['rotation', 'textures', 'unsuited'],
    ['rotation', 'cells', 'unsuited'],
    ['relative-patch', 'scenes', 'suits'],
    ['relative-patch', 'textures', 'unsuited'],
    ['split-brain', 'scenes', 'doubtful'], // 200 images are few
    ['split-brain', 'grey scenes in RGB', 'unsuited'],
    ['split-brain', 'sepia scenes', 'unsuited'],
    ['split-brain', 'letters', 'unsuited'],
    ['gan', 'scenes', 'unsuited'],
    ['cpc-series', 'scenes', 'unsuited'],
  ])('%s, %s: %s', (method, set, verdict) => {
    const { methods } = advise(measuresOf(set), { methods: [method] })
    expect(methods.map(({ name, verdict }) => [name, verdict])).toEqual([[method, verdict]])
  })

  test('the reason contains the measured accuracy and the chance level', () => {
    const { orientation } = measuresOf('cells')
    const { methods } = advise(measuresOf('cells'), { methods: ['rotation'] })
    expect(methods[0]!.why).toContain(`${(100 * orientation!.turns.accuracy).toFixed(0)} %`)
    expect(methods[0]!.why).toContain('chance 25 %')
  })
})

describe('verdict on an augmentation', () => {
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
  ])('the commands contain the recommended options: %s', (set, options) => {
    const { commands } = advise(measuresOf(set), { source: 'my images' })
    const full = commands.find(({ purpose }) => purpose === 'full training')!.args
    expect(full.slice(0, 3)).toEqual(['pretrain', 'simclr', 'my images'])
    for (const option of options) expect(full).toContain(option)
    if (options.length === 0) expect(full).not.toContain('--set')
  })
})

test('warnings about the images themselves', () => {
  const plain = measuresOf('scenes')
  const warnings = (changes: Partial<Measures>) => advise({ ...plain, count: 5000, ...changes }).warnings
  expect(warnings({})).toEqual([])
  const { light, colour, duplicates } = plain
  const sizes = { smallest: 9, median: 12, largest: 100, different: 30, elongated: 0.5 }
  const unreadable = [{ path: 'a.jpg', reason: 'empty file' }]
  const files = { wide: 1, transparent: 0.2, cmyk: 0.3, severalPages: 0.4 }
  for (const [changes, message] of [
    [{ count: 10 }, '10 images are too few for training'],
    [{ count: 300 }, '300 images are few'],
    [{ unreadable }, '1 of the 200 images in the sample cannot be read (for example a.jpg: empty file)'],
    [{ light: { ...light, blank: 0.02 } }, '2.0 % of the images are blank'],
    [{ light: { ...light, brightness: 3, contrast: 2 }, files }, '16-bit files'],
    [{ light: { ...light, contrast: 4 } }, 'Low contrast'],
    [{ sizes }, 'very small: the median size is 12 pixels'],
    [{ sizes }, 'from 9 to 100 pixels'],
    [{ sizes }, '50 % of the images are more than twice as long'],
    [{ colour: { ...colour, grey: 0.4 } }, '40 % of the images are grey, the others coloured'],
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
      '1 pair of near-duplicates among 200 images: about 25 % of all images have a copy (for example a and b)',
    ],
  ] as const)
    expect(warnings(changes).join('\n')).toContain(message)
})

test.each([1, 2, 10, 39])('%i images are too few, with a warning and doubtful verdicts', (count) => {
  const measures = measureImages(scenes({ count }))
  expect(measures.orientation).toBeUndefined()
  const { warnings, methods, commands } = advise(measures)
  expect(warnings[0]).toMatch(/too few for training/)
  expect(methods.find(({ name }) => name === 'rotation')).toMatchObject({ verdict: 'doubtful' })
  expect(methods.map(({ verdict }) => verdict)).not.toContain('suits')
  expect(commands.length > 0).toBe(count >= 16)
})

test('throws if no image can be read, or images are not square', () => {
  expect(() => measureImages({ data: new Uint8Array(0), shape: [0, 16, 16, 3] }, 'none')).toThrow(
    'none: none of the 0 images',
  )
  expect(() => measureImages({ data: new Uint8Array(96), shape: [1, 8, 4, 3] })).toThrow('must be square')
})

test('copies are not split between training and test parts of a classifier', () => {
  const { data, shape } = cells({ count: 120 })
  const many = new Uint8Array(3 * data.length)
  for (let copy = 0; copy < 3; copy++) many.set(data, copy * data.length)
  const measures = measureImages(
    { data: many, shape: [360, shape[1], shape[2], 3] },
    'cells, three copies each',
  )
  expect(measures.duplicates.inSample).toBe(1)
  expect(measures.orientation!.turns.images).toBeLessThanOrEqual(120)
  expect(advise(measures, { methods: ['rotation'] }).methods[0]!.verdict).toBe('unsuited')
})

test('copies make contrastive methods doubtful, and another method is suggested', async () => {
  const measures = await measureDataset(shapes({ size: 16, count: 2000 }), { count: 100 })
  expect(measures).toMatchObject({ count: 2000, looked: 100, classes: 10 })
  const copied: Measures = { ...measures, duplicates: { ...measures.duplicates, estimate: 0.5 } }
  const { methods, commands } = advise(copied)
  expect(methods.find(({ name }) => name === 'simclr')?.verdict).toBe('doubtful')
  expect(commands[0]!.args).toContain('vicreg')
  expect(new Set(methods.map(({ name }) => name))).toEqual(new Set(methodsWithRules))
})
