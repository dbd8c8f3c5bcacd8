import { describe, expect, expectTypeOf, test } from 'vitest'
import { currentName, describeRange, ifAuto, type MethodOptions, resolveOptions } from './index.js'

const options = {
  temperature: { type: 'number', default: 0.5, min: 0.01, max: 10, description: '' },
  layers: { type: 'number', default: 2, min: 1, integer: true, description: '' },
  symmetric: { type: 'boolean', default: true, description: '' },
  views: { type: 'choice', default: 'auto', choices: ['auto', 'gray'], description: '' },
  hidden: { type: 'number', default: 'auto', min: 1, integer: true, earlier: { auto: 0 }, description: '' },
  flip: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    earlier: { name: 'mirror', values: { yes: 0.5, no: 0 } },
    description: '',
  },
} as const satisfies MethodOptions
const definition = { name: 'fake', options }

describe('resolveOptions', () => {
  test('fills in defaults', () => {
    expect(resolveOptions(definition)).toEqual({
      temperature: 0.5,
      layers: 2,
      symmetric: true,
      views: 'auto',
      hidden: 'auto',
      flip: 'auto',
    })
    expect(resolveOptions(definition, { layers: 3, views: undefined })).toMatchObject({
      layers: 3,
      views: 'auto',
    })
  })

  test('infers the types: a choice is a union of its choices', () => {
    expectTypeOf(resolveOptions(definition)).toEqualTypeOf<{
      temperature: number
      layers: number
      symmetric: boolean
      views: 'auto' | 'gray'
      hidden: number | 'auto'
      flip: number | 'auto'
    }>()
  })

  test.each([
    [{ temperatur: 1 }, "unknown option of fake 'temperatur'; did you mean 'temperature'?"],
    [
      { toString: 1 },
      "unknown option of fake 'toString'; available: temperature, layers, symmetric, views, hidden, flip",
    ],
    [{ temperature: 0 }, "fake's option temperature must be a number from 0.01 to 10; got 0"],
    [{ temperature: Number.NaN }, 'got NaN'],
    [{ temperature: '0.5' }, 'must be a number from 0.01 to 10; got "0.5"'],
    [{ layers: 1.5 }, "fake's option layers must be a whole number of at least 1; got 1.5"],
    [{ symmetric: 'true' }, 'must be true or false; got "true"'],
    [{ temperature: 'auto' }, 'must be a number from 0.01 to 10; got "auto"'],
    [
      { hidden: 0 },
      `fake's option hidden must be a whole number of at least 1, or auto; got 0; set hidden to auto, which earlier versions wrote as 0`,
    ],
    [{ hidden: -1 }, 'hidden must be a whole number of at least 1, or auto; got -1'],
    [{ flip: 0.5, mirror: 'yes' }, "fake's option flip is given twice, also by its earlier name mirror"],
    [{ mirror: 'perhaps' }, 'flip must be a number from 0 to 1, or auto; got "perhaps"'],
    [{ views: 'blue' }, 'must be one of auto, gray; got "blue"'],
  ])('rejects %j', (given, message) => {
    expect(() => resolveOptions({ name: 'fake', options: options as MethodOptions }, given)).toThrow(message)
  })

  test('accepts a number or auto', () => {
    expect(resolveOptions(definition, { hidden: 64, flip: 'auto' })).toMatchObject({
      hidden: 64,
      flip: 'auto',
    })
    expect([ifAuto(64, 128), ifAuto('auto', 128), ifAuto(0, 1)]).toEqual([64, 128, 0])
  })

  test('accepts an earlier name and its values', () => {
    const given = (mirror: string | number) =>
      resolveOptions({ name: 'fake', options: options as MethodOptions }, { mirror })
    expect(given('yes')).toMatchObject({ flip: 0.5 })
    expect(given('no')).toMatchObject({ flip: 0 })
    expect(given(0.2)).toMatchObject({ flip: 0.2 })
    expect(given('yes')).not.toHaveProperty('mirror')
    expect([
      currentName(options, 'mirror'),
      currentName(options, 'flip'),
      currentName(options, 'toString'),
    ]).toEqual(['flip', 'flip', undefined])
  })

  test('rejects a default that is out of range', () => {
    const wrong = { k: { type: 'number', default: 0, min: 1, description: '' } } as const
    expect(() => resolveOptions({ name: 'fake', options: wrong })).toThrow('must be a number of at least 1')
  })
})

test('rangeOf describes the valid values of an option', () => {
  expect(Object.values(options).map(describeRange)).toEqual([
    'a number from 0.01 to 10',
    'a whole number of at least 1',
    'true or false',
    'one of auto, gray',
    'a whole number of at least 1, or auto',
    'a number from 0 to 1, or auto',
  ])
})
