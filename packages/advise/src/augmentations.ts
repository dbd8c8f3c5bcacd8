import { formatAccuracy, percent } from './format.js'
import type { Measures } from './measure.js'
import { isGrey, MOSTLY_EMPTY, noUp, type Verdict } from './verdicts.js'

/** If mirror images are recognised at least this often (lower end of the interval), left and right matter. */
const HAS_LEFT = 0.65

/** Whether an image's meaning, or at least its appearance, changes when it is mirrored. */
export function hasLeft({ orientation }: Measures): boolean {
  return orientation !== undefined && orientation.mirrored.interval[0] > HAS_LEFT
}

/** Which augmentations suit the images: differences that two views of one image may have without changing its meaning. */
export function verdictsOnAugmentations(measures: Measures): Verdict[] {
  const { orientation, colour, light, sizes } = measures
  const verdicts: Verdict[] = []
  const say = (name: string, verdict: Verdict['verdict'], why: string) =>
    verdicts.push({ name, verdict, why })
  if (orientation) {
    const { mirrored, turns } = orientation
    if (hasLeft(measures))
      say(
        'mirrors',
        'unsuited',
        `mirror images are recognised in ${formatAccuracy(mirrored)}: mirrored digits, text and medical images have a different meaning${measures.channels === 3 ? '. Set flip=0 for rotation and autoencoders; methods that compare views mirror images unless views=gray' : ''}`,
      )
    else
      say(
        'mirrors',
        'suits',
        `mirror images look like the originals: recognised in ${formatAccuracy(mirrored)}`,
      )
    if (noUp(measures))
      say(
        'quarter turns',
        'suits',
        `the images have no upright orientation: found in ${formatAccuracy(turns)}`,
      )
    else
      say(
        'quarter turns',
        'unsuited',
        `the images have an upright orientation: found in ${formatAccuracy(turns)}`,
      )
  }
  if (isGrey(measures)) {
    say('hue, saturation, random grey', 'unsuited', 'have no effect on grey images')
    say(
      'brightness, contrast',
      'suits',
      'the part of colour jitter that affects grey images; views=gray turns it off',
    )
  } else {
    const mixed = colour.grey > 0.05 ? `; ${percent(colour.grey)} of the images are grey` : ''
    say(
      'colour jitter, random grey',
      'suits',
      `colourfulness ${colour.colourfulness.toFixed(0)}${mixed}; reduce jitter if colour distinguishes your classes`,
    )
  }
  if (light.emptyCrops > MOSTLY_EMPTY)
    say(
      'small crops',
      'unsuited',
      `${percent(light.emptyCrops)} of crops of 8 % of the area are empty; increase minScale`,
    )
  else say('small crops', 'suits', `${percent(light.emptyCrops)} of crops of 8 % of the area are empty`)
  if (sizes && sizes.median <= 64)
    say('blur', 'unsuited', `images of ${sizes.median} pixels have too little detail to blur`)
  return verdicts
}
