import type { Advice, Measures, Verdict } from '@selfsup/advise'
import { SelfsupError } from '@selfsup/core'
import { interruptible } from '../interrupt.js'
import { methodNames } from '../registry.js'
import { shellWord } from '../table.js'

/** Flags of `selfsup advise`. */
export interface AdviseFlags {
  readonly sample?: number
  readonly split?: string
  readonly seed?: number
  readonly json?: boolean
}

/** `selfsup advise IMAGES`: which methods and augmentations suit pictures, from a look at some of them. */
export async function advise(source: string, flags: AdviseFlags): Promise<number> {
  const { sample: count = 1000, split = 'train', seed = 1, json } = flags
  if (split !== 'train' && split !== 'test')
    throw new SelfsupError(`--split must be train or test; got '${split}'`)
  const [{ sampleImages }, { advise, measure }] = await Promise.all([
    import('@selfsup/data'),
    import('@selfsup/advise'),
  ])
  const interrupt = interruptible(() => {})
  try {
    const sample = await sampleImages(source, { count, seed, split, signal: interrupt.signal })
    const measures = measure(sample)
    const advice = advise(measures, { source, split, methods: methodNames() })
    console.log(json ? JSON.stringify(forScripts(measures, advice)) : describe(measures, advice))
    return 0
  } finally {
    interrupt.release()
  }
}

/** All that was found; of the pairs their number and examples, as there may be very many. */
function forScripts({ duplicates: { pairs, ...duplicates }, ...measures }: Measures, advice: Advice) {
  return { measures: { ...measures, duplicates: { ...duplicates, pairs: pairs.length } }, ...advice }
}

function describe(measures: Measures, { warnings, methods, augmentations, commands }: Advice): string {
  const parts = [facts(measures)]
  if (warnings.length > 0)
    parts.push(
      section(
        'Mind',
        warnings.map((warning) => wrapped(warning, '! ')),
      ),
    )
  parts.push(section('Methods', verdictLines(methods)))
  parts.push(section('Augmentations', verdictLines(augmentations)))
  if (commands.length > 0) {
    const lines = commands.map(
      ({ purpose, args }) => `  # ${purpose}\n  selfsup ${args.map(shellWord).join(' ')}`,
    )
    parts.push(section('Next', lines))
  }
  return parts.join('\n\n')
}

/** `50,000 pictures of 32x32 pixels in 10 classes; 1,000 of them looked at.` */
function facts({ name, count, looked, channels, sizes, classes, colour, light }: Measures): string {
  const side = !sizes
    ? ''
    : sizes.smallest === sizes.largest
      ? `, shorter side ${sizes.median} pixels`
      : `, shorter side ${sizes.smallest} to ${sizes.largest} pixels, ${sizes.median} in the median`
  const kind = channels === 1 ? 'one channel' : `colourfulness ${colour.colourfulness.toFixed(0)}`
  const kinds = classes > 0 ? `, ${classes} classes` : ''
  return wrapped(
    `${name}: ${number(count)} ${count === 1 ? 'picture' : 'pictures'}${side}${kinds}; ${looked < count ? `${number(looked)} looked at` : 'all looked at'}; ${kind}, brightness ${light.brightness.toFixed(0)}, contrast ${light.contrast.toFixed(0)} of 255`,
    '',
  )
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines].join('\n')
}

const marks = { suits: '+', doubtful: '?', unsuited: '-' } as const

function verdictLines(verdicts: readonly Verdict[]): string[] {
  const width = Math.max(...verdicts.map(({ name }) => name.length))
  return verdicts.map(({ name, verdict, why }) => wrapped(why, `${marks[verdict]} ${name.padEnd(width)}  `))
}

/** A paragraph of at most 100 columns, lines after the first set in as far as its text begins. */
function wrapped(text: string, first: string): string {
  const indent = ' '.repeat(first.length + (first ? 2 : 0))
  const lines: string[] = []
  let line = first ? `  ${first}` : ''
  for (const word of text.split(' ')) {
    const empty = line.trim() === first.trim()
    if (!empty && line.length + 1 + word.length > 100) {
      lines.push(line)
      line = `${indent}${word}`
    } else line += empty && lines.length === 0 ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

function number(count: number): string {
  return count.toLocaleString('en-US')
}
