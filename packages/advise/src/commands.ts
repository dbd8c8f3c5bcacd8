import { hasLeft } from './augmentations.js'
import type { Measures } from './measure.js'
import { isGrey, MANY_COPIES, MOSTLY_EMPTY, noUp, type Verdict } from './verdicts.js'

/** A command of `selfsup`, ready to run. */
export interface Command {
  /** what it is for */
  readonly purpose: string
  /** without `selfsup` */
  readonly args: readonly string[]
}

/** Fewer pictures make no batch to learn from. */
const LEAST = 16

/** Sides that networks take, of which the largest within the pictures is taken; larger ones cost too much on processors. */
const SIDES = [16, 32, 48, 64, 96]

/** Pictures of 32 pixels that a first look trains on, fewer of larger ones: some minutes on two cores. */
const LOOK = 100_000

/**
 * A first look of minutes, the whole training, and a pretext task where one suits: flags and options that fit the pictures.
 * @param verdicts of the methods that there are
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
      purpose: 'look at what training will see',
      args: ['preview', source, '--method', contrastive, '--size', String(side), ...set(views)],
    },
    { purpose: 'a first look, in minutes', args: [...common(contrastive), ...look, ...set(views)] },
    {
      purpose: 'in full',
      args: [...common(contrastive), '--epochs', String(fullEpochs(count)), ...set(views)],
    },
    ...(rotation
      ? [
          {
            purpose: 'the plainest pretext task that suits, for comparison',
            args: [...common('rotation'), ...set(rotationOptions(measures))],
          },
        ]
      : []),
  ]
}

/** The largest side that pictures fill; large ones are shrunk to what a processor can train on. */
function sideFor({ sizes }: Measures): number {
  const median = sizes?.median ?? 96
  if (median >= 24 && median <= 40) return 32
  return SIDES.filter((side) => side <= median).at(-1) ?? SIDES[0]!
}

/** As many steps for few pictures as their number allows, fewer passes over many. */
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
