import { hasLeft } from './augmentations.js'
import type { Measures } from './measure.js'
import { isGrey, MANY_COPIES, MOSTLY_EMPTY, noUp, type Verdict } from './verdicts.js'

/** A `selfsup` command, ready to run. */
export interface Command {
  /** short description */
  readonly purpose: string
  /** arguments after `selfsup` */
  readonly args: readonly string[]
}

/** Minimum number of images for a training command. */
const LEAST = 16

/** Input sizes to choose from: the largest one within the images' size is used. Larger ones are too slow on CPUs. */
const SIDES = [16, 32, 48, 64, 96]

/** Number of 32-pixel images (fewer larger ones) in a quick training: some minutes on two cores. */
const LOOK = 100_000

/**
 * Suggests commands with options that fit the images: a preview, a quick training, the full training, and a pretext task if
 * one is suitable.
 * @param verdicts verdicts on the available methods
 */
export function commandsFor(
  measures: Measures,
  verdicts: readonly Verdict[],
  source: string,
  split?: string,
): Command[] {
  const { count } = measures
  if (count < LEAST) return []
  const side = sideFor(measures)
  const part = split && split !== 'train' ? ['--split', split] : []
  const common = (method: string) => ['pretrain', method, source, ...part, '--size', String(side)]
  const set = (values: readonly string[]) => values.flatMap((value) => ['--set', value])
  const has = (name: string) => verdicts.find((verdict) => verdict.name === name)
  const contrastive = measures.duplicates.estimate > MANY_COPIES && has('vicreg') ? 'vicreg' : 'simclr'
  if (!has(contrastive)) return []
  const views = viewOptions(measures)
  const seen = LOOK * Math.min(1, (32 / side) ** 2)
  const steps = count > seen ? ['--limit', String(Math.floor(seen / 256))] : []
  const epochs = Math.min(50, Math.max(1, Math.floor(seen / count)))
  const look = ['--backbone', 'convnet', '--epochs', String(epochs), ...steps, '--out', 'runs/first-look']
  const rotation = has('rotation')?.verdict === 'suits'
  return [
    {
      purpose: 'preview of the training views',
      args: ['preview', source, '--method', contrastive, '--size', String(side), ...set(views)],
    },
    { purpose: 'quick training, some minutes', args: [...common(contrastive), ...look, ...set(views)] },
    {
      purpose: 'full training',
      args: [...common(contrastive), '--epochs', String(fullEpochs(count)), ...set(views)],
    },
    ...(rotation
      ? [
          {
            purpose: 'the simplest suitable pretext task, for comparison',
            args: [...common('rotation'), ...set(rotationOptions(measures))],
          },
        ]
      : []),
  ]
}

/** The largest input size within the images' size. */
function sideFor({ sizes }: Measures): number {
  const median = sizes?.median ?? 96
  if (median >= 24 && median <= 40) return 32
  return SIDES.filter((side) => side <= median).at(-1) ?? SIDES[0]!
}

/** A constant number of steps, within bounds of 100 to 1000 epochs. */
function fullEpochs(count: number): number {
  return Math.round(Math.min(1000, Math.max(100, (200 * 50_000) / count)) / 10) * 10
}

/** Options of methods that compare views. */
function viewOptions(measures: Measures): string[] {
  const { light } = measures
  const options: string[] = []
  const gray = isGrey(measures) && (hasLeft(measures) || light.emptyCrops > MOSTLY_EMPTY)
  if (noUp(measures)) options.push('views=anyOrientation')
  else if (gray && measures.channels === 3) options.push('views=gray')
  const has = measures.channels === 1 || gray ? 0.3 : 0.08
  const wanted = light.emptyCrops > 0.5 ? 0.5 : light.emptyCrops > MOSTLY_EMPTY ? 0.3 : 0
  if (wanted > has || (wanted > 0 && noUp(measures))) options.push(`minScale=${wanted}`)
  return options
}

function rotationOptions(measures: Measures): string[] {
  if (hasLeft(measures)) return measures.channels === 3 ? ['flip=0'] : []
  return measures.channels === 1 ? ['flip=0.5'] : []
}
