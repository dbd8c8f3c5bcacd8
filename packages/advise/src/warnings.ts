import { FEWEST, type Measures } from './measure.js'
import { isGrey } from './verdicts.js'
import { number, percent, pictures } from './words.js'

/** Below this brightness, and contrast, of 255, pictures are nearly black. */
const DARK = 24

/** What is wrong with the pictures themselves, and what to do; the gravest first. */
export function warningsOf(measures: Measures): string[] {
  const { count, looked, read, unreadable, duplicates, light, sizes, files, colour } = measures
  const warnings: (string | false | undefined)[] = [
    count < FEWEST
      ? `${pictures(count)}: too few to learn from, and to say much about. Hundreds are the least, thousands are better.`
      : count < 1000 &&
        `${pictures(count)} are few: expect features little better than random ones, train long, and check with evaluate --baselines.`,
    unreadable.length > 0 &&
      `${number(unreadable.length)} of ${pictures(looked)} looked at cannot be read (such as ${unreadable[0]!.path}: ${unreadable[0]!.reason}). They are left out of training; --strict stops at them.`,
    light.blank > 0.005 && `${percent(light.blank)} of the pictures are blank: remove them.`,
    light.brightness < DARK &&
      light.contrast < DARK &&
      `The pictures are nearly black: brightness ${light.brightness.toFixed(0)}, contrast ${light.contrast.toFixed(0)} of 255.${files && files.wide > 0.5 ? ' Files of 16 bits often use a small part of the range: stretch them to the whole of it first.' : ''}`,
    light.brightness >= DARK &&
      light.contrast < 10 &&
      `Little contrast: deviation ${light.contrast.toFixed(1)} of 255. Stretch the pictures' range first.`,
    duplicates.inSample > 0 &&
      (duplicates.estimate > 0.01 || read === count) &&
      `${number(duplicates.pairs.length)} pair${duplicates.pairs.length === 1 ? '' : 's'} of near-duplicates among ${pictures(read)}${read < count ? `: about ${percent(duplicates.estimate)} of all have a copy` : ''} (such as ${duplicates.examples[0]!.join(' and ')}). Methods that push pictures apart suffer, and copies in the test part make results too good. A trained run can list them all.`,
    sizes &&
      sizes.median < 24 &&
      `The pictures are tiny: ${sizes.median} pixels in the median. There is little in them for patches, and nothing for deep networks.`,
    sizes &&
      sizes.largest > 4 * sizes.smallest &&
      `Sizes are mixed: shorter sides from ${sizes.smallest} to ${sizes.largest} pixels. Small ones are enlarged, which may be told from content.`,
    sizes &&
      sizes.elongated > 0.2 &&
      `${percent(sizes.elongated)} of the pictures are more than twice as long as wide: crops see a small part, and evaluation the middle.`,
    !isGrey(measures) &&
      colour.grey > 0.05 &&
      colour.grey < 0.95 &&
      `${percent(colour.grey)} of the pictures are grey, the others coloured: make sure that it means nothing, or turn all grey.`,
    files &&
      files.transparent > 0.01 &&
      `${percent(files.transparent)} have transparency, which is put on white.`,
    files && files.wide > 0.01 && `${percent(files.wide)} have more than 8 bits, and are read as 8.`,
    files && files.cmyk > 0.01 && `${percent(files.cmyk)} are CMYK, and are read as RGB.`,
    files &&
      files.severalPages > 0.01 &&
      `${percent(files.severalPages)} have several frames or pages; the first is taken.`,
  ]
  return warnings.filter((warning) => typeof warning === 'string')
}
