import { describe, expect, test } from 'vitest'
import { type MethodOptions, migrateOptions, resolveOptions, type StoredOptions } from './index.js'

const options = {
  hidden: { type: 'number', default: 'auto', min: 1, earlier: { auto: 0 }, description: '' },
  blur: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    earlier: { name: 'blur1', auto: -1 },
    description: '',
  },
  flip: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    earlier: { name: 'mirror', values: { yes: 0.5, no: 0 } },
    description: '',
  },
  /** new options: `rate` did not exist and behaved like 1, `layers` behaved like its default */
  rate: { type: 'number', default: 0.024, before: 1, min: 0, description: '' },
  layers: { type: 'number', default: 3, min: 1, description: '' },
} as const satisfies MethodOptions
const definition = { options }

describe('migrateOptions', () => {
  test('replaces earlier names and values and adds missing options', () => {
    const stored = { hidden: 0, blur1: -1, mirror: 'yes' }
    expect(migrateOptions(definition, stored)).toEqual({
      hidden: 'auto',
      blur: 'auto',
      flip: 0.5,
      rate: 1,
      layers: 3,
    })
    expect(stored).toEqual({ hidden: 0, blur1: -1, mirror: 'yes' })
  })

  test('keeps values that were set', () => {
    const stored = { hidden: 64, blur1: 0.3, mirror: 'auto', rate: 0.5, layers: 1 }
    expect(migrateOptions(definition, stored)).toEqual({
      hidden: 64,
      blur: 0.3,
      flip: 'auto',
      rate: 0.5,
      layers: 1,
    })
  })

  test('returns options of this version unchanged', () => {
    const defaults = resolveOptions({ name: 'fake', options })
    expect(migrateOptions(definition, defaults)).toEqual(defaults)
    const given = resolveOptions({ name: 'fake', options }, { hidden: 3, blur: 0, flip: 0, rate: 0 })
    expect(migrateOptions(definition, given)).toEqual(given)
  })

  test('keeps unknown options, so that resolveOptions can report them', () => {
    expect(migrateOptions(definition, { other: 1 })).toHaveProperty('other', 1)
  })

  test('calls the migration of the definition first, with all options and the image shape', () => {
    const migrate = (stored: StoredOptions, images?: { size: number; channels: number }) =>
      stored.blur1 === -1 && images?.channels === 1 ? { ...stored, blur1: 0 } : stored
    const migrated = (channels: number) =>
      migrateOptions({ options, migrate }, { blur1: -1 }, { size: 96, channels }).blur
    expect([migrated(1), migrated(3)]).toEqual([0, 'auto'])
  })
})
