import type { ClassifierAccuracy } from './classifier-accuracy.js'
import { formatAccuracy, imageCount, percent } from './format.js'
import { FEWEST, type Measures } from './measure.js'

/** Whether a method or augmentation suits the images, and why. */
export interface Verdict {
  readonly name: string
  readonly verdict: 'suits' | 'doubtful' | 'unsuited'
  /** reason in one sentence, with the measured value */
  readonly why: string
}

type VerdictAndReason = readonly [Verdict['verdict'], string]

/** Whether an accuracy is close to chance: the interval is below `little`, or it includes chance and excludes `UNSURE`. */
function nearChance({ interval: [low, high], chance }: ClassifierAccuracy, little: number): boolean {
  return high < little || (low < chance && high < UNSURE)
}

/** An interval that reaches this accuracy is too wide for a conclusion. */
const UNSURE = 0.42

/** Accuracy of rotation below which images have no upright orientation. */
const NO_UP = 0.36

/** Lower end of the interval from which images have an upright orientation. */
const HAS_UP = 0.32

/** The same thresholds for the direction of a patch. */
const NO_LAYOUT = 0.32
const HAS_LAYOUT = 0.27

/** Thresholds of colour beyond brightness, in Lab units. */
const NO_COLOUR = 4
const LITTLE_COLOUR = 8

/** Fraction of empty crops from which images are mostly background. */
export const MOSTLY_EMPTY = 0.15

/** Networks with millions of weights memorise fewer images than this. */
const FEW = 1000

/** Fraction of images with a copy from which contrastive methods suffer. */
export const MANY_COPIES = 0.2

/** Whether the images have no recognisable upright orientation. */
export function noUp({ orientation }: Measures): boolean {
  return orientation !== undefined && nearChance(orientation.turns, NO_UP)
}

/** Whether (nearly) all images are grey. */
export function isGrey({ channels, colour }: Measures): boolean {
  return channels === 1 || colour.grey > 0.95
}

/** Rules for each method, based on the measures only. */
const rules: Readonly<Record<string, (measures: Measures) => VerdictAndReason>> = {
  simclr: contrastive,
  'metric-learning': (measures) =>
    measures.classes > 1
      ? ['suits', `the images have ${measures.classes} labelled classes; use them with --set labels=classes`]
      : contrastive(measures),
  moco(measures) {
    if (measures.count >= 8192) return contrastive(measures)
    return [
      'doubtful',
      `its queue of 4,096 would contain the same ${imageCount(measures.count)} repeatedly; set a smaller queue`,
    ]
  },
  byol: withoutNegatives,
  simsiam: withoutNegatives,
  'barlow-twins': withoutNegatives,
  vicreg: withoutNegatives,
  iic: ({ classes }) =>
    classes > 1
      ? ['suits', `searches for as many clusters as there are classes: --set clusters=${classes}`]
      : ['doubtful', 'searches for a known number of clusters of similar size; set clusters if you know it'],
  cpc: (measures) => {
    const side = measures.sizes?.median ?? 64
    if (side < 24)
      return ['unsuited', `predicts rows of patches, and images of ${side} pixels have too few rows`]
    return (
      few(measures) ?? [
        'suits',
        'patches predict the patches below them; this works for textures and for scenes',
      ]
    )
  },
  'cpc-series': () => ['unsuited', 'made for time series; it would treat the rows of an image as time steps'],
  rotation(measures) {
    const { orientation } = measures
    if (!orientation) return notMeasured(measures)
    const { turns, upsideDown } = orientation
    const found = `a small classifier finds the upright image among four rotations in ${formatAccuracy(turns)}`
    if (noUp(measures)) return ['unsuited', `the images have no upright orientation: ${found}`]
    if (turns.interval[0] < HAS_UP)
      return ['doubtful', `the upright orientation of the images is hardly recognisable: ${found}`]
    if (upsideDown.interval[0] < 0.52)
      return [
        'doubtful',
        `images look the same upside down: upright recognised in ${formatAccuracy(upsideDown)}`,
      ]
    return ['suits', `the images have an upright orientation: ${found}`]
  },
  'relative-patch': (measures) => positions(measures, 22),
  jigsaw: (measures) => positions(measures, 27),
  autoencoder: reconstruction,
  denoising: reconstruction,
  'context-encoder': (measures) =>
    measures.light.emptyCrops > MOSTLY_EMPTY
      ? [
          'doubtful',
          `${percent(measures.light.emptyCrops)} of small crops are empty, so that many holes have no content to predict`,
        ]
      : reconstruction(measures),
  'split-brain'(measures) {
    const { colour } = measures
    const spread = `colours deviate by ${colour.beyondBrightness.toFixed(1)} Lab units from the mean colour of the same brightness`
    if (isGrey(measures)) return ['unsuited', `${greyness(measures)}: there is no colour to predict`]
    if (colour.beyondBrightness < NO_COLOUR) return ['unsuited', `the images are at most tinted: ${spread}`]
    if (colour.beyondBrightness < LITTLE_COLOUR || colour.grey > 0.3)
      return [
        'doubtful',
        `little colour to predict: ${spread}; ${percent(colour.grey)} of the images are grey`,
      ]
    return few(measures) ?? ['suits', `the images have colour to predict: ${spread}`]
  },
  mae(measures) {
    if (measures.count < 10_000)
      return ['doubtful', `vision transformers need many images; here are ${imageCount(measures.count)}`]
    return measures.light.emptyCrops > 0.5
      ? [
          'doubtful',
          `${percent(measures.light.emptyCrops)} of small crops are empty, so that many patches have no content to predict`,
        ]
      : ['suits', 'there are many images; use a vision transformer and several hundred epochs']
  },
  vae: generative,
  gan: generative,
  bigan: generative,
}

/** Names of the methods that have rules. */
export const methodsWithRules: readonly string[] = Object.keys(rules)

/** Verdicts on the named methods, suitable ones first. Methods without rules are left out. */
export function verdictsOnMethods(measures: Measures, names: readonly string[]): Verdict[] {
  const order = ['suits', 'doubtful', 'unsuited']
  return names
    .flatMap((name): Verdict[] => {
      const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
      if (!rule) return []
      const [verdict, why] = rule(measures)
      if (verdict === 'suits' && measures.count < FEWEST)
        return [{ name, verdict: 'doubtful', why: `${imageCount(measures.count)}: too few for training` }]
      return [{ name, verdict, why }]
    })
    .sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))
}

function few({ count }: Measures): VerdictAndReason | undefined {
  return count < FEW
    ? ['doubtful', `${imageCount(count)}: so few that the network will memorise them`]
    : undefined
}

function notMeasured({ read }: Measures): VerdictAndReason {
  return ['doubtful', `${imageCount(read)}: too few to measure whether the task can be learned`]
}

function greyness({ channels, colour }: Measures): string {
  return channels === 1 ? 'the images have one channel' : `${percent(colour.grey)} of the images are grey`
}

/** Methods that distinguish the views of an image from those of all other images. */
function contrastive(measures: Measures): VerdictAndReason {
  const { duplicates, count } = measures
  if (duplicates.estimate > MANY_COPIES)
    return [
      'doubtful',
      `about ${percent(duplicates.estimate)} of the images have a copy, and copies would be pushed apart; remove them first`,
    ]
  return (
    few(measures) ?? ['suits', `${imageCount(count)} to distinguish; use suitable augmentations (see below)`]
  )
}

/** Methods that only compare views of the same image. */
function withoutNegatives(measures: Measures): VerdictAndReason {
  return few(measures) ?? ['suits', 'only compares views of the same image, so that copies do no harm']
}

function positions(measures: Measures, least: number): VerdictAndReason {
  const { layout, sizes } = measures
  if (sizes && sizes.median < least)
    return [
      'unsuited',
      `patches of images of ${sizes.median} pixels are too small; at least ${least} pixels are needed`,
    ]
  if (!layout) return notMeasured(measures)
  const found = `a small classifier predicts the direction of a patch, one of four, in ${formatAccuracy(layout)}`
  if (nearChance(layout, NO_LAYOUT))
    return ['unsuited', `all parts of an image look alike, as in textures: ${found}`]
  if (layout.interval[0] < HAS_LAYOUT)
    return ['doubtful', `the content of a patch says little about its position: ${found}`]
  return ['suits', `the content of a patch predicts its position: ${found}`]
}

/** Methods that reconstruct the whole image. */
function reconstruction(measures: Measures): VerdictAndReason {
  const side = measures.sizes?.median ?? 64
  if (side > 64 || measures.colour.colourfulness > 15)
    return ['doubtful', 'works on any images, but gives background and texture the same weight as objects']
  return few(measures) ?? ['suits', 'the images are small and simple, so that most pixels matter']
}

function generative(measures: Measures): VerdictAndReason {
  const side = measures.sizes?.median ?? 64
  if (measures.count < FEW)
    return ['unsuited', `${imageCount(measures.count)}: so few that they would be reproduced as they are`]
  if (side > 64) return ['doubtful', `generates images of 32 or 64 pixels; these have ${side}`]
  return ['suits', `${imageCount(measures.count)} of ${side} pixels`]
}
