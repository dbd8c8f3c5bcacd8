import { imageCount, number, percent } from './format.js'
import { FEWEST, type Measures } from './measure.js'
import { isGrey } from './verdicts.js'

/** Images whose brightness and contrast are below this, of 255, are nearly black. */
const DARK = 24

/** Problems of the images and what to do about them, most severe first. */
export function warningsOf(
  measures: Measures,
  { commandLine = true }: { readonly commandLine?: boolean } = {},
): string[] {
  const { count, looked, read, unreadable, duplicates, light, sizes, files, colour } = measures
  const warnings: (string | false | undefined)[] = [
    count < FEWEST
      ? `${imageCount(count)} ${count === 1 ? 'is' : 'are'} too few for training and for most measurements. Use hundreds at least, better thousands.`
      : count < 1000 &&
        `${imageCount(count)} are few: expect features that are little better than random ones${commandLine ? ', train for many epochs, and compare with baselines (evaluate --baselines)' : ''}.`,
    unreadable.length > 0 &&
      `${number(unreadable.length)} of the ${imageCount(looked)} in the sample cannot be read (for example ${unreadable[0]!.path}: ${unreadable[0]!.reason}). They are left out of training${commandLine ? '; with --strict they are errors' : ''}.`,
    light.blank > 0.005 && `${percent(light.blank)} of the images are blank. Remove them.`,
    light.brightness < DARK &&
      light.contrast < DARK &&
      `The images are nearly black: brightness ${light.brightness.toFixed(0)}, contrast ${light.contrast.toFixed(0)} of 255.${files && files.wide > 0.5 ? ' 16-bit files often use a small part of their range: use the automatic range.' : ''}`,
    light.brightness >= DARK &&
      light.contrast < 10 &&
      `Low contrast: standard deviation ${light.contrast.toFixed(1)} of 255. Stretch the images' range first.`,
    duplicates.inSample > 0 &&
      (duplicates.estimate > 0.01 || read === count) &&
      `${number(duplicates.pairs.length)} pair${duplicates.pairs.length === 1 ? '' : 's'} of near-duplicates among ${imageCount(read)}${read < count ? `: about ${percent(duplicates.estimate)} of all images have a copy` : ''} (for example ${duplicates.examples[0]!.join(' and ')}). Copies harm contrastive methods, and copies in the test set make results too good. A trained run can list all copies.`,
    sizes &&
      sizes.median < 24 &&
      `The images are very small: the median size is ${sizes.median} pixels. They have little content for patches, and too little for deep networks.`,
    sizes &&
      sizes.largest > 4 * sizes.smallest &&
      `The sizes differ: shorter sides from ${sizes.smallest} to ${sizes.largest} pixels. Small images are enlarged, and the network may learn to recognise that.`,
    sizes &&
      sizes.elongated > 0.2 &&
      `${percent(sizes.elongated)} of the images are more than twice as long as wide: crops show a small part, and evaluation uses the central square.`,
    !isGrey(measures) &&
      colour.grey > 0.05 &&
      colour.grey < 0.95 &&
      `${percent(colour.grey)} of the images are grey, the others coloured. Check that this difference has no meaning, or convert all images to grey.`,
    files &&
      files.transparent > 0.01 &&
      `${percent(files.transparent)} of the files have transparency, which is replaced by one colour.`,
    files &&
      files.wide > 0.01 &&
      `${percent(files.wide)} of the files have more than 8 bits per channel; they become 8 bits, within a range of their values.`,
    files && files.cmyk > 0.01 && `${percent(files.cmyk)} of the files are CMYK; they are converted to RGB.`,
    files &&
      files.severalPages > 0.01 &&
      `${percent(files.severalPages)} of the files have several frames or pages; only the first one is used.`,
  ]
  return warnings.filter((warning) => typeof warning === 'string')
}
