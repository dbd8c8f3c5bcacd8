import { FEWEST, type Measures } from './measure.js'
import type { ToldApart } from './told-apart.js'
import { figure, percent, pictures } from './words.js'

/** Whether something suits the pictures, and why. */
export interface Verdict {
  readonly name: string
  readonly verdict: 'suits' | 'doubtful' | 'unsuited'
  /** one sentence with the figure it rests on */
  readonly why: string
}

type Judgement = readonly [Verdict['verdict'], string]

/**
 * Where one of four is to be told: no better than guessing, as far as some hundred pictures can show; or surely little
 * better, whatever the interval.
 */
function guessed({ interval: [low, high], chance }: ToldApart, little: number): boolean {
  return high < little || (low < chance && high < UNSURE)
}

/** Beyond this upper end an interval leaves everything open. */
const UNSURE = 0.42

/** At most little better than guessing which of four turns a picture has. */
const NO_UP = 0.36

/** From this part on, at the lower end, it can be told. */
const HAS_UP = 0.32

/** The same of the direction of a patch. */
const NO_LAYOUT = 0.32
const HAS_LAYOUT = 0.27

/** Of colour beyond brightness, in units of Lab. */
const NO_COLOUR = 4
const LITTLE_COLOUR = 8

/** Part of empty crops from which on pictures are mostly background. */
export const MOSTLY_EMPTY = 0.15

/** Fewer pictures than this a network of millions of weights learns by heart. */
const FEW = 1000

/** Part of pictures with a copy from which on pushing pictures apart does harm. */
export const MANY_COPIES = 0.2

/** Whether pictures have no up, as far as can be told. */
export function noUp({ orientation }: Measures): boolean {
  return orientation !== undefined && guessed(orientation.turns, NO_UP)
}

/** Whether all pictures are grey. */
export function isGrey({ channels, colour }: Measures): boolean {
  return channels === 1 || colour.grey > 0.95
}

/** What of each method can be said from the measures alone. */
const rules: Readonly<Record<string, (measures: Measures) => Judgement>> = {
  simclr: contrastive,
  'metric-learning': (measures) =>
    measures.classes > 1
      ? ['suits', `there are labels of ${measures.classes} classes, which --set labels=classes learns from`]
      : contrastive(measures),
  moco(measures) {
    if (measures.count >= 8192) return contrastive(measures)
    return [
      'doubtful',
      `its queue of 4,096 would hold the same of ${pictures(measures.count)} again and again; set queue to less`,
    ]
  },
  byol: withoutNegatives,
  simsiam: withoutNegatives,
  'barlow-twins': withoutNegatives,
  vicreg: withoutNegatives,
  iic: ({ classes }) =>
    classes > 1
      ? ['suits', `looks for as many clusters as there are classes: --set clusters=${classes}`]
      : ['doubtful', 'looks for a known number of clusters of about one size: set clusters, if you know it'],
  cpc: (measures) => {
    const side = measures.sizes?.median ?? 64
    if (side < 24) return ['unsuited', `predicts rows of patches, and ${side} pixels have room for few`]
    return (
      few(measures) ?? [
        'suits',
        'patches predict the patches below; textures and scenes alike have such rows',
      ]
    )
  },
  'cpc-series': () => ['unsuited', 'for series; of pictures it would take each row as a step in time'],
  rotation(measures) {
    const { orientation } = measures
    if (!orientation) return untold(measures)
    const { turns, upsideDown } = orientation
    const found = `a small classifier finds the upright one among four turned copies in ${figure(turns)}`
    if (noUp(measures)) return ['unsuited', `the pictures have no up: ${found}`]
    if (turns.interval[0] < HAS_UP) return ['doubtful', `the pictures hardly have an up: ${found}`]
    if (upsideDown.interval[0] < 0.52)
      return ['doubtful', `upside down looks like upright: told apart in ${figure(upsideDown)}`]
    return ['suits', `the pictures have an up: ${found}`]
  },
  'relative-patch': (measures) => positions(measures, 22),
  jigsaw: (measures) => positions(measures, 27),
  autoencoder: reconstruction,
  denoising: reconstruction,
  'context-encoder': (measures) =>
    measures.light.emptyCrops > MOSTLY_EMPTY
      ? [
          'doubtful',
          `${percent(measures.light.emptyCrops)} of small parts are empty, and so would be the holes to fill`,
        ]
      : reconstruction(measures),
  'split-brain'(measures) {
    const { colour } = measures
    const spread = `colours differ by ${colour.beyondBrightness.toFixed(1)} units of Lab from what brightness tells`
    if (isGrey(measures)) return ['unsuited', `${greyness(measures)}: there is no colour to be told`]
    if (colour.beyondBrightness < NO_COLOUR) return ['unsuited', `the pictures are tinted at most: ${spread}`]
    if (colour.beyondBrightness < LITTLE_COLOUR || colour.grey > 0.3)
      return [
        'doubtful',
        `little colour to be told: ${spread}, ${percent(colour.grey)} of the pictures are grey`,
      ]
    return few(measures) ?? ['suits', `there is colour to be told: ${spread}`]
  },
  mae(measures) {
    if (measures.count < 10_000)
      return ['doubtful', `vision transformers learn from many pictures; here ${pictures(measures.count)}`]
    return measures.light.emptyCrops > 0.5
      ? [
          'doubtful',
          `${percent(measures.light.emptyCrops)} of small parts are empty, and so are the patches to be made`,
        ]
      : ['suits', 'many pictures; wants a vision transformer and several hundred epochs']
  },
  vae: generative,
  gan: generative,
  bigan: generative,
}

/** Names of the methods that there are rules for. */
export const judgedMethods: readonly string[] = Object.keys(rules)

/** Verdicts of the methods that are named; of others there is nothing to say. Those that suit come first. */
export function judgeMethods(measures: Measures, names: readonly string[]): Verdict[] {
  const order = ['suits', 'doubtful', 'unsuited']
  return names
    .flatMap((name): Verdict[] => {
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
      if (!rule) return []
      const [verdict, why] = rule(measures)
      if (verdict === 'suits' && measures.count < FEWEST)
        return [{ name, verdict: 'doubtful', why: `${pictures(measures.count)}: too few to learn from` }]
      return [{ name, verdict, why }]
    })
    .sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
}

function few({ count }: Measures): Judgement | undefined {
  return count < FEW ? ['doubtful', `${pictures(count)}: soon known by heart`] : undefined
}

function untold({ read }: Measures): Judgement {
  return ['doubtful', `${pictures(read)}: too few to see whether it has something to learn from`]
}

function greyness({ channels, colour }: Measures): string {
  return channels === 1 ? 'the pictures have one channel' : `${percent(colour.grey)} of the pictures are grey`
}

/** Methods that tell each picture's views from those of all others. */
function contrastive(measures: Measures): Judgement {
  const { duplicates, count } = measures
  if (duplicates.estimate > MANY_COPIES)
    return [
      'doubtful',
      `about ${percent(duplicates.estimate)} of the pictures have a copy, which would be pushed apart from it; remove the copies first`,
    ]
  return (
    few(measures) ?? [
      'suits',
      `${pictures(count)} to be told from one another by views that suit (see below)`,
    ]
  )
}

/** Methods that compare views of one picture only. */
function withoutNegatives(measures: Measures): Judgement {
  return (
    few(measures) ?? ['suits', 'compares views of one picture only; copies among the pictures do no harm']
  )
}

function positions(measures: Measures, least: number): Judgement {
  const { layout, sizes } = measures
  if (sizes && sizes.median < least)
    return [
      'unsuited',
      `patches of pictures of ${sizes.median} pixels are too small; it takes ${least} at least`,
    ]
  if (!layout) return untold(measures)
  const found = `a small classifier tells in which of four directions a part lies from the middle in ${figure(layout)}`
  if (guessed(layout, NO_LAYOUT))
    return ['unsuited', `every part looks like any other, as in textures: ${found}`]
  if (layout.interval[0] < HAS_LAYOUT)
    return ['doubtful', `where a part lies can hardly be told from what is in it: ${found}`]
  return ['suits', `parts lie where they belong: ${found}`]
}

/** Methods that make the whole picture again. */
function reconstruction(measures: Measures): Judgement {
  const side = measures.sizes?.median ?? 64
  if (side > 64 || measures.colour.colourfulness > 15)
    return ['doubtful', 'runs on anything, but keeps every pixel alike, background and texture too']
  return few(measures) ?? ['suits', 'small plain pictures, of which most pixels matter']
}

function generative(measures: Measures): Judgement {
  const side = measures.sizes?.median ?? 64
  if (measures.count < FEW)
    return ['unsuited', `${pictures(measures.count)}: would be given back as they are`]
  if (side > 64) return ['doubtful', `makes pictures of 32 or 64 pixels; these have ${side}`]
  return ['suits', `${pictures(measures.count)} of ${side} pixels`]
}
