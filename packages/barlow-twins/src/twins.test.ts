import { byolRecipe } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { resolveOptions } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { type BarlowTwinsOptions, options } from './barlow-twins-options.js'
import { twinProjector, twinViews } from './twins.js'

const optionsOf = (given: BarlowTwinsOptions = {}) => resolveOptions({ name: 'twins', options }, given)

beforeAll(async () => {
  await prepareEngine({ engine: testEngines()[0] })
})

describe('views', () => {
  const viewsOf = (given: BarlowTwinsOptions, size = 80, channels = 3) => {
    const backbone = convnet({ size, channels, widths: [2, 2] })
    const { views } = twinViews(backbone, optionsOf(given), undefined, byolRecipe)
    backbone.dispose()
    return views
  }

  test('are those of the paper: the first is always blurred, the second sometimes solarised', () => {
    const [first, second] = viewsOf({})
    expect(first).toMatchObject({ size: 80, scale: [0.08, 1], blur: { probability: 1 } })
    expect(first).not.toHaveProperty('solarise')
    expect(second).toMatchObject({ blur: { probability: 0.1 }, solarise: { probability: 0.2 } })
    expect(first!.jitter).toMatchObject({ probability: 0.8, brightness: 0.4, saturation: 0.2, hue: 0.1 })
  })

  test('of small images are not blurred unless a probability is set', () => {
    expect(viewsOf({}, 16).map(({ blur }) => blur)).toEqual([undefined, undefined])
    expect(viewsOf({ blur: 1 }, 16).map(({ blur }) => blur!.probability)).toEqual([1, 0.1])
    expect(viewsOf({ blur: 0 }).map(({ blur }) => blur)).toEqual([undefined, undefined])
  })

  test('have no colour operations for one channel, are identical for simclr, turned for any orientation', () => {
    for (const view of viewsOf({}, 16, 1)) expect(view).toMatchObject({ scale: [0.3, 1] })
    const [first, second] = viewsOf({ views: 'simclr', jitter: 0.5, minScale: 0.2 }, 16)
    expect(first).toEqual(second)
    expect(first).toMatchObject({ scale: [0.2, 1], jitter: { brightness: 0.4, hue: 0.1 } })
    for (const view of viewsOf({ views: 'anyOrientation' })) expect(view.quarterTurns).toBe(true)
  })
})

describe('projector', () => {
  const shapesOf = (given: BarlowTwinsOptions) => {
    const backbone = convnet({ size: 16, widths: [4, 8] })
    const head = twinProjector(backbone, optionsOf(given), 1)
    const kernels = head.weights.map(({ shape }) => shape).filter(({ length }) => length === 2)
    backbone.dispose()
    head.dispose()
    return kernels
  }

  test('has three layers of four times the number of features by default', () => {
    expect(shapesOf({})).toEqual([
      [8, 32],
      [32, 32],
      [32, 32],
    ])
  })

  test('has the widths that are set', () => {
    expect(shapesOf({ hidden: 6, outputs: 5, layers: 2 })).toEqual([
      [8, 6],
      [6, 5],
    ])
  })

  test('needs at least two outputs', () => {
    expect(() => shapesOf({ outputs: 1 })).toThrow(
      "twins's option outputs must be a whole number of at least 2, or auto; got 1",
    )
  })
})
