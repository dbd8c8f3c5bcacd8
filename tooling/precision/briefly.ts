import { imagenetNormalisation } from '@selfsup/augment'
import { convnet, vitTiny } from '@selfsup/backbones'
import type {
  BackboneInput,
  HostBatch,
  ImageBatch,
  Method,
  MethodDefinition,
  OptimizerSettings,
  OptionValue,
  Teacher,
} from '@selfsup/core'
import { resolveOptions, weightNames } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import type { Engine, Precision } from '@selfsup/engine'
import { findMethod, type MethodSpec, makeMethod } from '@selfsup/runs'
import { trainingStep } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'

const BATCH = 16

/** What a short training left: values by name, and what it logged at each step. */
export interface Trained {
  readonly before: ReadonlyMap<string, Float32Array>
  readonly after: ReadonlyMap<string, Float32Array>
  readonly losses: readonly number[]
}

/** An engine of mixed precision as one that compiles every step in float32. */
export function inFloat32(engine: Engine): Engine {
  const precision = 'float32'
  return { ...engine, precision, compile: (step, more) => engine.compile(step, { ...more, precision }) }
}

/** Trains a method of the registry for a few steps on drawn images (or series), in a precision. */
export async function trainBriefly(
  engine: Engine,
  precision: Precision,
  name: string,
  {
    steps,
    options = {},
    rate = 1,
    size = 16,
    tiny = false,
    headScale = 1,
  }: {
    readonly steps: number
    readonly options?: Record<string, OptionValue>
    readonly rate?: number
    readonly size?: number
    /** with a convolutional network of two layers, or a transformer of two blocks, for slow engines */
    readonly tiny?: boolean
    /** factor of the initial matrices of all networks but the backbone, for losses that begin at 0 with small ones */
    readonly headScale?: number
  },
): Promise<Trained> {
  const definition = await findMethod(name)
  const teacher = definition.needsTeacher ? teacherOf(size) : undefined
  const method = await (tiny ? makeTiny : makeMethod)({
    method: name,
    options: resolveOptions(definition, options),
    imageShape: { size, channels: 3 },
    backbone: definition.backbone ?? 'convnet',
    seed: 1,
    teacher,
    imageCount: 256,
  })
  if (headScale !== 1) scaleHeads(method, headScale)
  const { optimizer, learningRate } = definition.training(resolveOptions(definition, options))
  const used = precision === 'float32' ? inFloat32(engine) : engine
  const step = trainingStep(method, optimizer as OptimizerSettings, used)
  try {
    const variables = variablesOf(method, step.slots)
    const before = await valuesOf(variables)
    const losses: number[] = []
    const data = await images(size)
    for (let i = 0; i < steps; i++) {
      const batch = batchOf(method, i, data)
      const inputs = {
        seed: tf.tensor1d([1, i], 'int32'),
        learningRate: tf.scalar(learningRate * rate),
        highestRate: tf.scalar(learningRate * rate),
        progress: tf.scalar(i / steps),
        epoch: tf.scalar(0),
      }
      const phases = method.phasesAt?.({ step: i, epoch: 0 })
      const values = step.run(batch, inputs, phases)
      losses.push((await step.read(values, phases)).loss)
      tf.dispose([values, inputs, batch as unknown as tf.TensorContainer])
    }
    return { before, after: await valuesOf(variables), losses }
  } finally {
    step.dispose()
    method.networks.backbone.dispose()
    method.dispose()
    teacher?.model.dispose()
  }
}

/** A method with the smallest network that it works with. */
async function makeTiny(spec: MethodSpec): Promise<Method> {
  const definition = await findMethod(spec.method)
  if (definition.ownBackbone) return makeMethod(spec)
  const { seed, teacher, imageCount, imageShape } = spec
  const options = resolveOptions(definition, spec.options)
  const input = definition.backboneInput?.(imageShape, options) ?? imageShape
  return definition.create(tinyBackbone(definition, { ...input, seed }), options, {
    ...{ seed, teacher, imageCount, imageShape, normalisation: imagenetNormalisation },
    makeBackbone: (input) => tinyBackbone(definition, input),
  })
}

function tinyBackbone({ backbone = 'convnet' }: MethodDefinition, input: BackboneInput & { seed: number }) {
  return backbone.startsWith('vit')
    ? vitTiny({ ...input, width: 32, depth: 2, heads: 2 })
    : convnet({ ...input, widths: [8, 16] })
}

function scaleHeads({ networks }: Method, scale: number): void {
  const { backbone: _, ...heads } = networks
  for (const head of Object.values(heads))
    for (const weight of head.trainableWeights) {
      const variable = weight.read() as tf.Variable
      if (variable.rank > 1) tf.tidy(() => variable.assign(tf.mul(variable, scale)))
    }
}

/** Another network for methods that learn from one. */
function teacherOf(size: number): Teacher {
  const model = convnet({ size, widths: [8, 16], seed: 4 })
  return { source: 'drawn weights', fingerprint: '', model, normalisation: imagenetNormalisation }
}

const drawn = new Map<number, Promise<HostBatch>>()

/** 256 drawn images and their classes, drawn once for each size. */
function images(size: number): Promise<HostBatch> {
  const made = drawn.get(size) ?? drawImages(size)
  drawn.set(size, made)
  return made
}

async function drawImages(size: number): Promise<HostBatch> {
  for await (const batch of shapes({ size, count: 256 }).batches({ batchSize: 256 })) return batch
  throw new Error('shapes has no batch')
}

function batchOf(method: Method, number: number, { images, labels: classes }: HostBatch): ImageBatch {
  const positions = Array.from({ length: BATCH }, (_, i) => (number * BATCH + i) % 256)
  const labels = tf.tensor1d(
    positions.map((at) => classes[at]!),
    'int32',
  )
  const indices = tf.tensor1d(positions, 'int32')
  if (method.name === 'cpc-series')
    return { values: tf.randomNormal([BATCH, 16, 48], 0, 1, 'float32', number + 1), labels, indices }
  const { data, shape } = images!
  const bytes = shape[1] * shape[2] * shape[3]
  const pixels = positions.flatMap((at) => [...data.subarray(at * bytes, (at + 1) * bytes)])
  return { images: tf.tensor4d(pixels, [BATCH, ...shape.slice(1)] as never, 'int32'), labels, indices }
}

function variablesOf(method: Method, slots: Readonly<Record<string, tf.Variable>>): Map<string, tf.Variable> {
  const prefixed = (prefix: string, variables: Iterable<[string, tf.Variable]>) =>
    [...variables].map(([name, variable]) => [`${prefix}/${name}`, variable] as const)
  return new Map([
    ...prefixed('weights', weightNames(method.networks)),
    ...prefixed('parameters', Object.entries(method.parameters ?? {})),
    ...prefixed('state', Object.entries(method.state)),
    ...prefixed('slots', Object.entries(slots)),
  ])
}

async function valuesOf(variables: ReadonlyMap<string, tf.Variable>): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>()
  for (const [name, variable] of variables)
    if (variable.dtype === 'float32') values.set(name, (await variable.data()) as Float32Array)
  return values
}

/** The cosine of two trainings' movements from where they started, over all values of some variables; undefined if none moved. */
export function cosineOfMovement(
  a: Trained,
  b: Trained,
  chosen: (variable: string) => boolean,
): number | undefined {
  let [product, ofA, ofB] = [0, 0, 0]
  for (const [name, start] of a.before) {
    if (!chosen(name)) continue
    const [x, y] = [a.after.get(name)!, b.after.get(name)!]
    for (let i = 0; i < start.length; i++) {
      const [dx, dy] = [x[i]! - start[i]!, y[i]! - start[i]!]
      product += dx * dy
      ofA += dx * dx
      ofB += dy * dy
    }
  }
  return ofA > 0 ? product / Math.sqrt(ofA * ofB) : undefined
}

/** The distance between where two trainings moved the trained variables, divided by the length of the first's movement. */
export function differenceOfMovement(a: Trained, b: Trained): number {
  let [distance, length] = [0, 0]
  for (const [name, start] of a.before) {
    if (!/^(weights|parameters)\//.test(name) || /moving_/.test(name)) continue
    const [x, y] = [a.after.get(name)!, b.after.get(name)!]
    for (let i = 0; i < start.length; i++) {
      distance += (x[i]! - y[i]!) ** 2
      length += (x[i]! - start[i]!) ** 2
    }
  }
  return Math.sqrt(distance / length)
}

/** Variables whose values moved, and mostly to numbers that bfloat16 has too: they were kept in 16 bits. */
export function unusedLowBits({ before, after }: Trained): string[] {
  return [...after].flatMap(([name, values]) => {
    const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
    const start = before.get(name)!
    let [moved, used] = [0, 0]
    for (let i = 0; i < values.length; i++) {
      if (values[i] === start[i]) continue
      moved++
      if ((words[i]! & 0xffff) !== 0) used++
    }
    return moved > 8 && used < moved / 2 ? [`${name}: ${used} of ${moved}`] : []
  })
}
