import { advise, type Measures, measureImages, methodsWithRules } from '@selfsup/advise'
import { uniforms } from '@selfsup/core'
import { findMethod, methodNames } from '@selfsup/runs'
import { expect, test } from 'vitest'
import { methodOptions } from '../config.js'

/** Noise: the rules only need values, which ones does not matter here. */
const plain = measureImages({
  data: Uint8Array.from(uniforms([1, 1], 48 * 16 * 16 * 3), (u) => 256 * u),
  shape: [48, 16, 16, 3],
})
const { light, colour, orientation, duplicates } = plain
const accuracyOf = (accuracy: number, chance: number) => ({
  accuracy,
  chance,
  interval: [accuracy - 0.02, accuracy + 0.02] as const,
  images: 1000,
})
const orientations = [0.25, 0.9].flatMap((turns) =>
  [0.5, 0.95].map((mirrored) => ({
    turns: accuracyOf(turns, 0.25),
    upsideDown: accuracyOf(0.8, 0.5),
    mirrored: accuracyOf(mirrored, 0.5),
  })),
)

/** Every kind of images for which the rules suggest different commands. */
const kinds: Measures[] = [orientation, ...orientations].flatMap((orientation) =>
  [1, 3].flatMap((channels) =>
    [0, 1].flatMap((grey) =>
      [0, 0.2, 0.6].flatMap((emptyCrops) =>
        [16, 60, 50_000, 2_000_000].flatMap((count) =>
          [0, 0.5].flatMap((estimate) =>
            [5, 28, 500].map((side) => ({
              ...plain,
              count,
              orientation,
              channels: channels === 1 ? 1 : 3,
              colour: { ...colour, grey },
              light: { ...light, emptyCrops },
              duplicates: { ...duplicates, estimate },
              sizes: { smallest: side, median: side, largest: side, different: 1, elongated: 0 },
            })),
          ),
        ),
      ),
    ),
  ),
)

test('suggested commands use only options that the method has', async () => {
  const methods = methodNames()
  const definitions = new Map(
    await Promise.all(methods.map(async (name) => [name, await findMethod(name)] as const)),
  )
  const seen = new Set<string>()
  for (const measures of kinds) {
    for (const { args } of advise(measures, { source: 'images', split: 'test', methods }).commands) {
      const name = args[0] === 'preview' ? args[args.indexOf('--method') + 1]! : args[1]!
      const words = args.filter((_, i) => args[i - 1] === '--set')
      expect(() => methodOptions(definitions.get(name)!, words)).not.toThrow()
      for (const word of words) seen.add(`${name} ${word}`)
    }
  }
  expect(seen.size).toBeGreaterThan(5)
})

test('every rule is about an existing method', () => {
  expect(methodsWithRules.filter((name) => !methodNames().includes(name))).toEqual([])
})
