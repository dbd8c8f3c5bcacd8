import { describe, expect, test } from 'vitest'
import {
  byolRecipe,
  mocoV1Recipe,
  mocoV2Recipe,
  simclrRecipe,
  type TwoViewRecipe,
} from './two-view-recipes.js'
import { chooseTwoViews, type TwoViewSettings } from './two-views.js'

const vicreg: TwoViewRecipe = { ...byolRecipe, blur: [0.5, 0.5], solarise: [0.1, 0.1] }
const recipes = { simclr: simclrRecipe, mocoV1: mocoV1Recipe, mocoV2: mocoV2Recipe, byol: byolRecipe, vicreg }

function chosen(name: keyof typeof recipes, size: number, channels: number, settings: TwoViewSettings = {}) {
  const { views, normalisation } = chooseTwoViews({ size, channels }, settings, recipes[name])
  return {
    blur: views.map(({ blur }) => blur?.probability ?? 0),
    solarise: views.map(({ solarise }) => solarise?.probability ?? 0),
    minScale: views.map(({ scale }) => scale[0]),
    jitter: views.map(
      ({ jitter }) => jitter && [jitter.probability, jitter.brightness, jitter.saturation, jitter.hue],
    ),
    flips: views.map(({ horizontalFlip }) => horizontalFlip),
    channels: normalisation.mean.length,
    views,
  }
}

// Values of the papers: SimCLR appendix A and B.9, MoCo section 3.3, MoCo v2 section 3, BYOL table 6, VICReg appendix C.1.
describe('views of colour images of 224 pixels have the papers’ values', () => {
  test.each([
    ['simclr', [0.5, 0.5], [0, 0], 0.08, [0.8, 0.8, 0.8, 0.2]],
    ['mocoV1', [0, 0], [0, 0], 0.2, [1, 0.4, 0.4, 0.4]],
    ['mocoV2', [0.5, 0.5], [0, 0], 0.2, [0.8, 0.4, 0.4, 0.1]],
    ['byol', [1, 0.1], [0, 0.2], 0.08, [0.8, 0.4, 0.2, 0.1]],
    ['vicreg', [0.5, 0.5], [0.1, 0.1], 0.08, [0.8, 0.4, 0.2, 0.1]],
  ] as const)('%s', (name, blur, solarise, minScale, jitter) => {
    expect(chosen(name, 224, 3)).toMatchObject({
      blur,
      solarise,
      minScale: [minScale, minScale],
      jitter: [jitter, jitter],
      flips: [0.5, 0.5],
      channels: 3,
    })
  })
})

describe('blur depends on the image size', () => {
  test.each([
    // recipe, size, channels, expected probabilities: no blur up to 64 pixels, for any number of channels
    ['simclr', 64, 3, [0, 0]],
    ['simclr', 65, 3, [0.5, 0.5]],
    ['simclr', 64, 1, [0, 0]],
    ['simclr', 96, 1, [0.5, 0.5]],
    ['mocoV1', 96, 1, [0, 0]],
    ['mocoV2', 96, 1, [0.5, 0.5]],
    ['byol', 32, 3, [0, 0]],
    ['byol', 32, 1, [0, 0]],
    ['byol', 96, 1, [1, 0.1]],
    ['vicreg', 96, 1, [0.5, 0.5]],
  ] as const)('%s, %i pixels, %i channels', (name, size, channels, blur) => {
    expect(chosen(name, size, channels).blur).toEqual(blur)
  })

  test.each([
    ['simclr', { blur: 0.3 }, [0.3, 0.3]],
    ['mocoV1', { blur: 0.3 }, [0.3, 0.3]],
    ['byol', { blur: 0.5 }, [0.5, 0.05]],
    ['byol', { blur: 0.5, blur2: 0.5 }, [0.5, 0.5]],
    ['byol', { blur2: 0.7 }, [0, 0.7]],
    ['byol', { blur: 0, blur2: 0 }, [0, 0]],
  ] as const)('%s with %j, of 32 pixels', (name, settings, blur) => {
    expect(chosen(name, 32, 3, settings).blur).toEqual(blur)
    expect(chosen(name, 32, 1, settings).blur).toEqual(blur)
  })
})

test('the jitter is half as strong for small images in SimCLR only', () => {
  expect(chosen('simclr', 32, 3).jitter[0]).toEqual([0.8, 0.4, 0.4, 0.1])
  expect(chosen('simclr', 32, 3, { jitter: 1 }).jitter[0]).toEqual([0.8, 0.8, 0.8, 0.2])
  expect(chosen('byol', 32, 3).jitter[0]).toEqual([0.8, 0.4, 0.2, 0.1])
  expect(chosen('mocoV1', 32, 3, { jitter: 2 }).jitter[0]).toEqual([1, 0.8, 0.8, 0.5]) // the hue shift is at most half a turn
})

test('small colour images have larger crops if the recipe says so', () => {
  expect(chosen('simclr', 64, 3).minScale).toEqual([0.2, 0.2])
  expect(chosen('simclr', 65, 3).minScale).toEqual([0.08, 0.08])
  expect(chosen('simclr', 32, 1).minScale).toEqual([0.3, 0.3])
  expect(chosen('simclr', 32, 3, { minScale: 0.08 }).minScale).toEqual([0.08, 0.08])
})

test('a fifth of the views is grey unless another probability is set', () => {
  expect(chosen('byol', 32, 3).views.map(({ grayscale }) => grayscale)).toEqual([0.2, 0.2])
  expect(chosen('byol', 32, 3, { grayscale: 0 }).views.map(({ grayscale }) => grayscale)).toEqual([0, 0])
  expect(chosen('byol', 32, 1, { grayscale: 0.1 }).views.map(({ grayscale }) => grayscale)).toEqual([
    undefined,
    undefined,
  ])
})

test('grey views have crops and blur but no colour operations', () => {
  for (const settings of [{}, { views: 'gray' }] as const) {
    for (const view of chosen('byol', 96, 1, settings).views) {
      expect(view).toMatchObject({ scale: [0.3, 1], horizontalFlip: 0 })
      for (const operation of ['jitter', 'grayscale', 'solarise']) expect(view).not.toHaveProperty(operation)
    }
  }
  expect(chosen('simclr', 96, 1).channels).toBe(1)
  expect(chosen('simclr', 96, 3, { views: 'gray' }).channels).toBe(3) // grey views of colour images
  expect(chosen('simclr', 96, 1, { minScale: 0.5 }).minScale).toEqual([0.5, 0.5])
})

test('anyOrientation adds turns and flips to the paper’s views', () => {
  for (const view of chosen('simclr', 32, 3, { views: 'anyOrientation' }).views)
    expect(view).toMatchObject({ quarterTurns: true, verticalFlip: 0.5, scale: [0.2, 1], grayscale: 0.2 })
})

test('colour images, and grey ones with colour views, have the normalisation of their channels', () => {
  for (const views of ['auto', 'colour', 'gray', 'anyOrientation'] as const)
    for (const channels of [1, 3]) expect(chosen('simclr', 96, channels, { views }).channels).toBe(channels)
})

test('rejects strengths and probabilities out of range', () => {
  expect(() => chosen('simclr', 96, 3, { jitter: -1 })).toThrow('jitter must be at least 0; got -1')
  expect(() => chosen('simclr', 96, 3, { blur: -1 })).toThrow('blur must be from 0 to 1; got -1')
  expect(() => chosen('simclr', 96, 3, { grayscale: 2 })).toThrow('grayscale must be from 0 to 1; got 2')
  expect(() => chosen('simclr', 96, 3, { minScale: 2 })).toThrow('minScale must be from 0 to 1; got 2')
})
