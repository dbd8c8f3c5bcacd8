import type { Advice, ImageProblem, Leaks, Measures, Verdict } from '@selfsup/advise'
import { expected } from '@selfsup/core'
import type { ImageSample } from '@selfsup/data'
import { writeJson } from '@selfsup/run-folder'
import { methodNames } from '@selfsup/runs'
import { splitOf } from '../config.js'
import { writeCsv } from '../csv.js'
import { type ImageFlags, readingOf } from '../image-flags.js'
import { interruptible } from '../interrupt.js'
import { printable } from '../printable.js'
import { progressView } from '../progress.js'
import { shellWord } from '../table.js'

/** Flags of `selfsup advise`. */
export interface AdviseFlags extends ImageFlags {
  readonly sample?: number
  readonly split?: string
  readonly seed?: number
  /** CSV or JSON file for the images with problems */
  readonly list?: string
  readonly json?: boolean
}

/** Images of each split that are compared to find copies; more take minutes. */
const COMPARED = 5000

/**
 * `selfsup advise IMAGES [TEST]`: measures a sample of images and recommends methods and augmentations. With test images, also
 * finds those that are training images too.
 */
export async function advise(source: string, test: string | undefined, flags: AdviseFlags): Promise<number> {
  const { sample: count = test ? COMPARED : 1000, seed = 1, json, list } = flags
  expected(!list || /\.(csv|json)$/.test(list), `--list must end in .csv or .json; got '${list}'`)
  const split = splitOf(flags.split)
  const [{ sampleImages }, { advise, imageProblems, leaks, measure }] = await Promise.all([
    import('@selfsup/data'),
    import('@selfsup/advise'),
  ])
  const interrupt = interruptible(() => {})
  try {
    const sample = await sampleImages(source, {
      count,
      seed,
      split,
      reading: readingOf(flags),
      onNote: progressView(process.stderr).note,
      signal: interrupt.signal,
    })
    const measures = measure(sample)
    const advice = advise(measures, { source, split, methods: methodNames() })
    const found = test
      ? leaks(
          ...(await bothSamples(sample, source, test, {
            count,
            seed,
            split,
            reading: readingOf(flags),
            signal: interrupt.signal,
          })),
        )
      : undefined
    if (list) await writeProblems(list, imageProblems(sample, found))
    console.log(
      json
        ? JSON.stringify({ ...forScripts(measures, advice), ...(found && { leaks: found }) })
        : printable(describe(measures, advice, found)),
    )
    if (list) console.error(`Wrote ${list}: the images of the sample that you should look at`)
    return 0
  } finally {
    interrupt.release()
  }
}

/** Samples of the training and the test images with the same size of images. */
async function bothSamples(
  train: ImageSample,
  source: string,
  test: string,
  options: NonNullable<Parameters<typeof import('@selfsup/data').sampleImages>[1]>,
): Promise<[ImageSample, ImageSample]> {
  const { sampleImages } = await import('@selfsup/data')
  const own = await sampleImages(test, { ...options, split: 'test' })
  const size = Math.min(train.images.shape[1], own.images.shape[1])
  const again = async (sample: ImageSample, from: string, split: typeof options.split) =>
    sample.images.shape[1] === size ? sample : sampleImages(from, { ...options, split, size })
  return [await again(train, source, options.split), await again(own, test, 'test')]
}

async function writeProblems(path: string, problems: readonly ImageProblem[]): Promise<void> {
  if (path.endsWith('.json')) return writeJson(path, problems)
  const rows = problems.map(({ image, problem, other = '', detail = '' }) => [image, problem, other, detail])
  await writeCsv(path, ['image', 'problem', 'other', 'detail'], rows)
}

function leakText({ pairs, estimate, compared }: Leaks): string {
  const of = `${number(compared.test)} test images against ${number(compared.train)} training images`
  const [first] = pairs
  if (!first) return `No test image is a copy of a training image (compared ${of}).`
  return `${number(pairs.length)} test ${pairs.length === 1 ? 'image is a copy of a training image' : 'images are copies of training images'} (compared ${of}; about ${(100 * estimate).toFixed(1)} % of all test images have a copy), for example ${first.test} and ${first.train}. Results on them are too good: remove them from one of the two. --list writes all of them to a file.`
}

/** The JSON output. Of near-duplicate pairs, which can be very many, it has only the number and examples. */
function forScripts({ duplicates: { pairs, ...duplicates }, ...measures }: Measures, advice: Advice) {
  return { measures: { ...measures, duplicates: { ...duplicates, pairs: pairs.length } }, ...advice }
}

function describe(
  measures: Measures,
  { warnings, methods, augmentations, commands }: Advice,
  found: Leaks | undefined,
): string {
  const parts = [facts(measures)]
  if (warnings.length > 0)
    parts.push(
      section(
        'Warnings',
        warnings.map((warning) => wrapped(warning, '! ')),
      ),
    )
  if (found)
    parts.push(section('Test images', [wrapped(leakText(found), found.pairs.length > 0 ? '! ' : '+ ')]))
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
