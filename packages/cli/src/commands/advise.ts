import type { Advice, Measures, Verdict } from '@selfsup/advise'
import { methodNames } from '@selfsup/runs'
import { splitOf } from '../config.js'
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

/** `selfsup advise IMAGES`: measures a sample of images and recommends methods and augmentations. */
export async function advise(source: string, flags: AdviseFlags): Promise<number> {
  const { sample: count = 1000, seed = 1, json } = flags
  const split = splitOf(flags.split)
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

/** The JSON output. Of near-duplicate pairs, which can be very many, it has only the number and examples. */
function forScripts({ duplicates: { pairs, ...duplicates }, ...measures }: Measures, advice: Advice) {
  return { measures: { ...measures, duplicates: { ...duplicates, pairs: pairs.length } }, ...advice }
}

function describe(measures: Measures, { warnings, methods, augmentations, commands }: Advice): string {
  const parts = [facts(measures)]
  if (warnings.length > 0)
    parts.push(
      section(
        'Warnings',
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

/** `images: 50,000 images, shorter side 32 pixels, 10 classes; 1,000 measured; …` */
function facts({ name, count, looked, channels, sizes, classes, colour, light }: Measures): string {
  const side = !sizes
    ? ''
    : sizes.smallest === sizes.largest
      ? `, shorter side ${sizes.median} pixels`
      : `, shorter side ${sizes.smallest} to ${sizes.largest} pixels, median ${sizes.median}`
  const kind = channels === 1 ? 'one channel' : `colourfulness ${colour.colourfulness.toFixed(0)}`
  const kinds = classes > 0 ? `, ${classes} classes` : ''
  return wrapped(
    `${name}: ${number(count)} ${count === 1 ? 'image' : 'images'}${side}${kinds}; ${looked < count ? `${number(looked)} measured` : 'all measured'}; ${kind}, brightness ${light.brightness.toFixed(0)}, contrast ${light.contrast.toFixed(0)} of 255`,
    '',
  )
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines].join('\n')
}

const marks = { suits: '+', doubtful: '?', unsuited: '-' } as const

/** One line per reason; methods or augmentations with the same reason share a line. */
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

/** Wraps a paragraph at 100 columns and indents all lines after the first. A number stays on one line with its `%`. */
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
