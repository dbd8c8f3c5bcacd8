// Measurements and verdicts of `selfsup advise` on CIFAR-10 and MNIST: unchanged, randomly turned, randomly shifted, and grey; and its
// time for a folder of 50,000 images.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
/** @import { HostImages } from '@selfsup/core' */
import { load, quick, report, required } from './packages.mjs'

const { uniforms } = await load('core')
const { sampleImages } = await load('data')
const { advise, measureImages } = await load('advise')
const count = quick ? 400 : 2000
const cifar = join(required('SELFSUP_CIFAR10'), 'train')
const mnist =
  process.env.SELFSUP_MNIST ?? fileURLToPath(new URL('../../../shared/data/mnist', import.meta.url))

/**
 * Rebuilds each image pixel by pixel; `from` returns the source position of each pixel.
 * @param {HostImages} images
 * @param {(index: number, y: number, x: number, side: number) => readonly [row: number, column: number]} from
 * @returns {HostImages}
 */
function moved({ data, shape }, from) {
  const [count, side, , channels] = shape
  const result = new Uint8Array(data.length)
  for (let index = 0, at = 0; index < count; index++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const [row, column] = from(index, y, x, side)
        for (let c = 0; c < channels; c++, at++)
          result[at] = data[((index * side + row) * side + column) * channels + c] ?? 0
      }
  return { data: result, shape }
}

const draws = uniforms([7, 7], 4 * count)
/** @param {number} index */
const drawOf = (index) => draws[index] ?? 0

/**
 * Turns each image by a random multiple of 90 degrees.
 * @param {HostImages} images
 */
const anyQuarter = (images) =>
  moved(images, (index, y, x, side) => {
    const quarters = Math.floor(4 * drawOf(index))
    const last = side - 1
    if (quarters === 0) return [y, x]
    if (quarters === 1) return [x, last - y]
    return quarters === 2 ? [last - y, last - x] : [last - x, y]
  })

/**
 * Turns each image by a random angle, with nearest pixels, mirrored at the edges.
 * @param {HostImages} images
 */
const anyAngle = (images) =>
  moved(images, (index, y, x, side) => {
    const angle = 2 * Math.PI * drawOf(index)
    const [down, across] = [y - (side - 1) / 2, x - (side - 1) / 2]
    /** @param {number} value */
    const within = (value) => {
      const place = Math.round(value + (side - 1) / 2)
      return place < 0 ? -place : place >= side ? 2 * side - 2 - place : place
    }
    return [
      within(Math.cos(angle) * down + Math.sin(angle) * across),
      within(Math.cos(angle) * across - Math.sin(angle) * down),
    ]
  })

/**
 * Shifts each image cyclically by a random amount, so that no content has a fixed position.
 * @param {HostImages} images
 */
const anyPlace = (images) =>
  moved(images, (index, y, x, side) => [
    (y + Math.floor(side * drawOf(index))) % side,
    (x + Math.floor(side * drawOf(count + index))) % side,
  ])

/**
 * Grey images with three channels.
 * @param {HostImages} images
 * @returns {HostImages}
 */
const grey = ({ data, shape }) => ({
  data: data.map((_, i) => {
    const [red = 0, green = 0, blue = 0] = data.subarray(i - (i % 3), i - (i % 3) + 3)
    return red * 0.3 + green * 0.6 + blue * 0.1
  }),
  shape,
})

const { images } = await sampleImages(cifar, { count })
const digits = (await sampleImages(mnist, { count })).images
const rows = []
/** @type {readonly (readonly [set: string, images: HostImages])[]} */
const cases = [
  ['CIFAR-10', images],
  ['CIFAR-10, quarter turns', anyQuarter(images)],
  ['CIFAR-10, any angle', anyAngle(images)],
  ['CIFAR-10, any place', anyPlace(images)],
  ['CIFAR-10, grey', grey(images)],
  ['MNIST', digits],
  ['MNIST, quarter turns', anyQuarter(digits)],
]
for (const [set, measuredImages] of cases) {
  const measures = measureImages(measuredImages, set)
  const { orientation, layout } = measures
  if (!orientation || !layout) throw new Error(`${set}: too few images for its orientation and layout`)
  const { methods } = advise({ ...measures, count: 50_000 })
  /** @param {string} name */
  const verdictOn = (name) => methods.find((method) => method.name === name)?.verdict
  rows.push(
    {
      case: `${set}: upright image found among four rotations (rotation: ${verdictOn('rotation')})`,
      value: 100 * orientation.turns.accuracy,
      unit: '%',
    },
    {
      case: `${set}: distinguished from its mirror image`,
      value: 100 * orientation.mirrored.accuracy,
      unit: '%',
    },
    {
      case: `${set}: direction of a patch, one of four (relative-patch: ${verdictOn('relative-patch')})`,
      value: 100 * layout.accuracy,
      unit: '%',
    },
    {
      case: `${set}: colour beyond brightness (split-brain: ${verdictOn('split-brain')})`,
      value: measures.colour.beyondBrightness,
      unit: 'Lab',
    },
    { case: `${set}: near-duplicates in the sample`, value: 100 * measures.duplicates.inSample, unit: '%' },
  )
}

const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const start = performance.now()
const { status, stderr } = spawnSync(process.execPath, [bin, 'advise', cifar], { encoding: 'utf8' })
if (status !== 0) throw new Error(stderr)
rows.push({
  case: `selfsup advise on a folder${quick ? ', a subset' : ' of 50,000'}`,
  value: (performance.now() - start) / 1000,
  unit: 's',
})
report({ description: 'no engine: plain JavaScript' }, rows)
