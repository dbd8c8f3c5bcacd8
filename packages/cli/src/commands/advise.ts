import type { Advice, Measures, Verdict } from '@selfsup/advise'
import { SelfsupError } from '@selfsup/core'
import { methodNames } from '@selfsup/runs'
import { interruptible } from '../interrupt.js'
import { printable } from '../printable.js'
import { shellWord } from '../table.js'

/** Flags of `selfsup advise`. */
export interface AdviseFlags {
  readonly sample?: number
  readonly split?: string
  readonly seed?: number
  readonly json?: boolean
}

/** `selfsup advise IMAGES`: which methods and augmentations suit images, from a look at some of them. */
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
    console.log(json ? JSON.stringify(forScripts(measures, advice)) : printable(describe(measures, advice)))
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

/** `50,000 images of 32x32 pixels in 10 classes; 1,000 of them looked at.` */
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

/** A line for each reason; what the same is said of shares it. */
function verdictLines(verdicts: readonly Verdict[]): string[] {
  const byReason = new Map<string, Verdict[]>()
  for (const verdict of verdicts) {
    const key = `${marks[verdict.verdict]} ${verdict.why}`
    byReason.set(key, [...(byReason.get(key) ?? []), verdict])
  }
  return [...byReason.values()].map((alike) => {
    const [{ verdict, why }] = alike as [Verdict]
    return wrapped(`${alike.map(({ name }) => name).join(', ')}: ${why}`, `${marks[verdict]} `)
  })
}

const COLUMNS = 100

/** A paragraph of at most 100 columns; lines after the first are set in. Figures stay beside their signs. */
function wrapped(text: string, mark: string): string {
  const start = mark ? `  ${mark}` : ''
  const lines: string[] = []
  let line = start
  for (const word of text.split(/ (?!%)/)) {
    const begun = line.length > start.length || lines.length > 0
    if (begun && line.length + 1 + word.length > COLUMNS) {
      lines.push(line)
      line = `${' '.repeat(start.length + (mark ? 2 : 0))}${word}`
    } else line += line === start ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

function number(count: number): string {
  return count.toLocaleString('en-US')
}
