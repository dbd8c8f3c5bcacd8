import type { Measures } from './measure.js'
import { isGrey, MOSTLY_EMPTY, noUp, type Verdict } from './verdicts.js'
import { figure, percent } from './words.js'

/** Told from the mirror image as often as this, at the lower end, left and right matter. */
const HAS_LEFT = 0.65

/** Whether pictures change their meaning, or at least their looks, when left and right are swapped. */
export function hasLeft({ orientation }: Measures): boolean {
  return orientation !== undefined && orientation.mirrored.interval[0] > HAS_LEFT
}

/** Which random changes of pictures suit them: what views of one picture may differ in without being of another kind. */
export function judgeAugmentations(measures: Measures): Verdict[] {
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
        `pictures are told from their mirror images in ${figure(mirrored)}: of digits, text and medical pictures mirrors are others${measures.channels === 3 ? '. rotation and autoencoders have flip=0; methods that compare views mirror unless views=gray' : ''}`,
      )
    else say('mirrors', 'suits', `mirror images look like any other: told apart in ${figure(mirrored)}`)
    if (noUp(measures)) say('quarter turns', 'suits', `there is no up: upright found in ${figure(turns)}`)
    else say('quarter turns', 'unsuited', `turned pictures do not occur: upright found in ${figure(turns)}`)
  }
  if (isGrey(measures)) {
    say('hue, saturation, random grey', 'unsuited', 'do nothing to grey pictures')
    say('brightness, contrast', 'suits', 'what is left of the colour jitter; views=gray leaves it out too')
  } else {
    const mixed = colour.grey > 0.05 ? `; ${percent(colour.grey)} of the pictures are grey` : ''
    say(
      'colour jitter, random grey',
      'suits',
      `colourfulness ${colour.colourfulness.toFixed(0)}${mixed}; where colour is what tells your kinds apart, set jitter lower`,
    )
  }
  if (light.emptyCrops > MOSTLY_EMPTY)
    say(
      'small crops',
      'unsuited',
      `${percent(light.emptyCrops)} of crops of 8 % of the area show nothing of their picture; set minScale`,
    )
  else say('small crops', 'suits', `${percent(light.emptyCrops)} of crops of 8 % of the area are empty`)
  if (sizes && sizes.median <= 64)
    say('blur', 'unsuited', `${sizes.median} pixels hold no fine detail to spare`)
  return verdicts
}
