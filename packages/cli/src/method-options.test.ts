import { type MethodOption, resolveOptions } from '@selfsup/core'
import { findMethod, methodNames } from '@selfsup/runs'
import { describe, expect, test } from 'vitest'
import { methodOptions } from './config.js'

const definitions = await Promise.all(methodNames().map(findMethod))
const all = definitions.flatMap((definition) =>
  Object.entries(definition.options).map(([name, option]) => ({ definition, name, option })),
)
const numbers = all.flatMap((one) => (one.option.type === 'number' ? [{ ...one, option: one.option }] : []))
const title = ({ definition, name }: (typeof all)[number]) => `${definition.name} ${name}`

describe('numbers with an automatic default', () => {
  const automatic = numbers.filter(({ option }) => option.default === 'auto')

  test.each(automatic.map((one) => [title(one), one] as const))('%s', (_, { definition, name, option }) => {
    expect(option.description).toMatch(/; auto: /)
    expect(resolveOptions(definition, { [name]: 'auto' })).toHaveProperty(name, 'auto')
    expect(methodOptions(definition, [`${name}=auto`])).toHaveProperty(name, 'auto')
    const real = option.integer ? Math.max(2, option.min!) : Math.max(0.5, option.min!)
    expect(resolveOptions(definition, { [name]: real })).toHaveProperty(name, real)
    for (const number of [option.min! - 1, -1, Number.NaN])
      expect(() => resolveOptions(definition, { [name]: number })).toThrow(/, or auto; got /)
  })

  test('include all that had a sentinel in earlier versions', () => {
    expect(automatic.length).toBeGreaterThan(44)
  })

  const former = numbers.filter(({ option }) => option.earlier?.auto !== undefined)
  test.each(former.map((one) => [title(one), one] as const))(
    '%s refuses its former sentinel and names auto',
    (_, { definition, name, option }) => {
      const sentinel = option.earlier!.auto!
      expect(() => resolveOptions(definition, { [name]: sentinel })).toThrow(
        `, or auto; got ${sentinel}; set ${name} to auto, which earlier versions wrote as ${sentinel}`,
      )
      const given = () => methodOptions(definition, [`${name}=${sentinel}`])
      expect(given).toThrow(`set ${name} to auto`)
    },
  )

  test('all other numbers refuse auto and have no sentinel', () => {
    for (const { definition, name, option } of numbers.filter((one) => !automatic.includes(one))) {
      expect(() => resolveOptions(definition, { [name]: 'auto' })).toThrow('got "auto"')
      expect(option.default, `${definition.name} ${name}`).toBeGreaterThanOrEqual(0)
      // 0 must mean none or a zero probability.
      if (option.default === 0)
        expect(option.description).toMatch(/0: (no|a linear)|not predicted|probability/)
    }
  })
})

describe('earlier names', () => {
  const renamed = all.filter(({ option }) => option.earlier?.name)

  test('are accepted for these options', () => {
    expect(
      renamed.map(({ definition, name, option }) => `${definition.name} ${option.earlier!.name} ${name}`),
    ).toEqual([
      'byol blur1 blur',
      'byol solarise1 solarise',
      'iic jitter brightness',
      'rotation mirror flip',
      'relative-patch jitter displacement',
      'context-encoder blocks holes',
    ])
  })

  test.each(renamed.map((one) => [title(one), one] as const))(
    '%s is set by its earlier name',
    (_, { definition, name, option }) => {
      const former = option.earlier!.name!
      expect(definition.options).not.toHaveProperty(former)
      expect(methodOptions(definition, [`${former}=1`])).toMatchObject({ [name]: 1 })
    },
  )

  test('the earlier words of rotation’s mirror become probabilities', async () => {
    const rotation = await findMethod('rotation')
    expect(methodOptions(rotation, ['mirror=yes'])).toMatchObject({ flip: 0.5 })
    expect(methodOptions(rotation, ['mirror=no'])).toMatchObject({ flip: 0 })
    expect(methodOptions(rotation, ['mirror=auto'])).toMatchObject({ flip: 'auto' })
  })
})

test('MoCo’s momentum must not be negative', async () => {
  const moco = await findMethod('moco')
  expect(() => methodOptions(moco, ['momentum=-0.5'])).toThrow(
    "moco's option momentum must be a number from 0 to 1, or auto; got -0.5",
  )
})

describe('one name means one thing in all methods', () => {
  const kindOf = (option: MethodOption) =>
    option.type === 'number' ? (option.integer ? 'whole number' : 'number') : option.type
  const named = new Map<string, typeof all>()
  for (const one of all) named.set(one.name, [...(named.get(one.name) ?? []), one])

  test.each([...named.keys()].filter((name) => named.get(name)!.length > 1))('%s', (name) => {
    const kinds = new Set(named.get(name)!.map(({ option }) => kindOf(option)))
    expect([...kinds]).toHaveLength(1)
  })

  // Guarantees for a reader of the help text.
  test.each([
    ['blur', /^probability of (Gaussian )?blur/],
    ['blur2', /^probability of Gaussian blur in the second view/],
    ['jitter', /^strength of the colour jitter, as a multiple of/],
    ['minScale', /^smallest (area|part) of /],
    ['flip', /^probability of a horizontal flip/],
    ['views', /^augmentations; auto: /],
    ['temperature', /^(supcon: )?temperature/],
    ['momentum', /^momentum of the (key encoder|target network)/],
    ['hidden', /units/],
    ['layers', /^number of linear layers in the (projector|head)/],
    ['patch', /^side of a patch in pixels/],
    ['grayscale', /^probability (of converting an image|that an? \w+ turns) /],
  ])('%s', (name, meaning) => {
    for (const { option } of named.get(name)!) expect(option.description).toMatch(meaning)
  })
})
