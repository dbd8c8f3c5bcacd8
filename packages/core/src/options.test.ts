import { describe, expect, expectTypeOf, test } from 'vitest'
import { type MethodOptions, rangeOf, resolveOptions } from './index.js'

const options = {
  temperature: { type: 'number', default: 0.5, min: 0.01, max: 10, description: '' },
  layers: { type: 'number', default: 2, min: 1, integer: true, description: '' },
  symmetric: { type: 'boolean', default: true, description: '' },
  views: { type: 'choice', default: 'auto', choices: ['auto', 'gray'], description: '' },
} as const satisfies MethodOptions
const definition = { name: 'fake', options }

describe('resolveOptions', () => {
  test('fills what is not given', () => {
    expect(resolveOptions(definition)).toEqual({
      temperature: 0.5,
      layers: 2,
      symmetric: true,
      views: 'auto',
    })
    expect(resolveOptions(definition, { layers: 3, views: undefined })).toMatchObject({
      layers: 3,
      views: 'auto',
    })
  })

  test('knows the types: a choice is one of its choices', () => {
    expectTypeOf(resolveOptions(definition)).toEqualTypeOf<{
      temperature: number
      layers: number
      symmetric: boolean
      views: 'auto' | 'gray'
    }>()
  })

  test.each([
    [{ temperatur: 1 }, "unknown option of fake 'temperatur'; did you mean 'temperature'?"],
    [{ toString: 1 }, "unknown option of fake 'toString'; available: temperature, layers, symmetric, views"],
    [{ temperature: 0 }, "fake's option temperature must be a number from 0.01 to 10; got 0"],
    [{ temperature: Number.NaN }, 'got NaN'],
    [{ temperature: '0.5' }, 'must be a number from 0.01 to 10; got "0.5"'],
    [{ layers: 1.5 }, "fake's option layers must be a whole number of at least 1; got 1.5"],
    [{ symmetric: 'true' }, 'must be true or false; got "true"'],
    [{ views: 'blue' }, 'must be one of auto, gray; got "blue"'],
  ])('%j is refused', (given, message) => {
    expect(() => resolveOptions({ name: 'fake', options: options as MethodOptions }, given)).toThrow(message)
  })

  test('a default that is out of range is found as well', () => {
    const wrong = { k: { type: 'number', default: 0, min: 1, description: '' } } as const
    expect(() => resolveOptions({ name: 'fake', options: wrong })).toThrow('must be a number of at least 1')
  })
})

test('rangeOf says what an option takes', () => {
  expect(Object.values(options).map(rangeOf)).toEqual([
    'a number from 0.01 to 10',
    'a whole number of at least 1',
    'true or false',
    'one of auto, gray',
  ])
})
