import { type Augmentation, augmentation, grayNormalisation, imagenetNormalisation } from '@selfsup/augment'
import { initialise, through } from '@selfsup/backbones'
import {
  assertRank,
  expected,
  type ImageBatch,
  type ImageShape,
  type Method,
  type MethodContext,
  type MethodDefinition,
  type Normalisation,
  resolveOptions,
  ShapeError,
} from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { type CpcSeriesOptions, options, training } from './cpc-series-options.js'
import { seriesBackbone, seriesLayers } from './series-backbone.js'
import { stepsAhead, stepsOf } from './steps-ahead.js'

/**
 * Contrastive predictive coding of series: what has been seen predicts the encodings of later steps, which are to be told
 * from those of other steps and of other series (van den Oord et al. 2018, arXiv:1807.03748, section 2 and 3.1). Features
 * are the context's last state.
 *
 * @param backbone encoder and recurrent network: a model of `seriesBackbone`
 * @param given options; defaults are the paper's for audio
 * @param context seed of the predictions' weights; `pictures` of whose rows the series are, and their normalisation, where
 *   batches hold images
 * @returns what the training loop drives, on datasets whose batches hold `values` [batch, time, channels]; reports `accuracyK`
 *   k steps ahead
 * @throws SelfsupError when an option is unknown or out of range, the backbone is another, or a series too short to
 *   be predicted so far
 */
export function cpcSeries(
  backbone: tfl.LayersModel,
  given: CpcSeriesOptions = {},
  { seed = 1, imageShape: pictures, normalisation }: MethodContext = {},
): Method<tf.Tensor3D> {
  const options = resolveOptions(seriesDefinition, given)
  const { contrasted, scale } = options
  const sequences = sequencesOf(backbone)
  const [z, c] = sequences.outputs as [tfl.SymbolicTensor, tfl.SymbolicTensor]
  const [, time, targets] = z.shape as [null, number, number]
  const ahead = stepsOf('cpc-series', options, time, 'encodings of a series')
  const predictor = predictions(c.shape.slice(1) as number[], targets, ahead, seed + 1)
  const whole = pictures && wholeImages(pictures, normalisation)
  const column = (x: tf.Tensor) => tf.expandDims(x, 2) as tf.Tensor4D
  return {
    name: 'cpc-series',
    options,
    definition: seriesDefinition,
    networks: { backbone, predictor },
    state: {},
    normalisation: whole?.normalisation,
    imageShape: pictures,
    crops: whole?.crops ?? [],
    views: (batch, { seed }) =>
      whole && !batch.values ? rowsOf(whole.apply(batch, seed)[0]!, backbone) : seriesOf(batch, backbone),
    loss(series) {
      const [encodings, contexts] = sequences.apply(series, { training: true }) as [tf.Tensor3D, tf.Tensor3D]
      const predicted = [predictor.apply(contexts, { training: true })].flat() as tf.Tensor[]
      const results = predicted.map((p, i) =>
        stepsAhead(column(p), column(encodings), { k: ahead[i]!, contrasted, scale }),
      )
      const last = tf.slice(contexts, [0, contexts.shape[1] - 1, 0], [-1, 1, -1])
      return {
        loss: tf.mean(tf.stack(results.map(({ loss }) => loss))) as tf.Scalar,
        metrics: Object.fromEntries(results.map(({ accuracy }, i) => [`accuracy${ahead[i]}`, accuracy])),
        features: tf.squeeze(last, [1]),
      }
    },
    encode: (images) => backbone.apply(rowsOf(images, backbone), { training: false }) as tf.Tensor2D,
    dispose: () => predictor.dispose(),
  }
}

/** Images read row by row, from the top, as `rowsAsSeries` of @selfsup/data does. */
function rowsOf(images: tf.Tensor, backbone: tfl.LayersModel): tf.Tensor3D {
  return tf.reshape(images, [-1, ...shapeOf(backbone)])
}

/** Images as they are, brought to their size. */
function wholeImages(
  { size, channels }: ImageShape,
  normalisation: Normalisation = channels === 1 ? grayNormalisation : imagenetNormalisation,
): Augmentation {
  return augmentation([{ size, scale: [1, 1], ratio: [1, 1] }], normalisation)
}

/** Steps of the series and numbers of a step that a backbone takes. */
function shapeOf(backbone: tfl.LayersModel): [time: number, channels: number] {
  return backbone.inputs[0]!.shape.slice(1) as [number, number]
}

/** The backbone's layers as a model to all encodings and all contexts. */
function sequencesOf(backbone: tfl.LayersModel): tfl.LayersModel {
  const outputOf = (name: string) => backbone.layers.find((layer) => layer.name === name)?.output
  const outputs = Object.values(seriesLayers).map(outputOf)
  expected(
    outputs.every((output) => output && !Array.isArray(output)),
    `cpc-series: the backbone has no layers ${Object.values(seriesLayers).join(' and ')}; make it with seriesBackbone`,
  )
  return tfl.model({ inputs: backbone.inputs, outputs: outputs as tfl.SymbolicTensor[], name: 'sequences' })
}

/** A linear map W_k of the contexts for each step ahead (eq. 3). */
function predictions(
  shape: number[],
  targets: number,
  steps: readonly number[],
  seed: number,
): tfl.LayersModel {
  const input = tfl.input({ shape, name: 'contexts' })
  const outputs = steps.map((k) =>
    through(
      tfl.layers.dense({ name: `W${k}`, units: targets, useBias: false, kernelInitializer: 'zeros' }),
      input,
    ),
  )
  return initialise(tfl.model({ inputs: input, outputs, name: 'predictor' }), seed, 'default')
}

function seriesOf({ values }: ImageBatch, backbone: tfl.LayersModel): tf.Tensor3D {
  expected(values, 'cpc-series: batches must hold series, as those of arrayDataset and rowsAsSeries do')
  assertRank('cpc-series', 'a batch', values, 3, '[batch, time, channels]')
  const [time, channels] = shapeOf(backbone)
  if (values.shape[1] !== time || values.shape[2] !== channels)
    throw new ShapeError(
      `cpc-series: the backbone takes series of ${time} steps of ${channels} numbers; got [${values.shape}]`,
    )
  return values as tf.Tensor3D
}

/** How a program finds CPC of series by name. */
export const seriesDefinition: MethodDefinition<typeof options> = {
  name: 'cpc-series',
  summary: 'a series so far predicts its later steps',
  paper: 'van den Oord et al. 2018, arXiv:1807.03748',
  options,
  backbone: 'series',
  training: () => training,
  // Of a program's images each row is a step.
  ownBackbone: ({ size, channels }, { filters, units }, seed) =>
    seriesBackbone({ time: size, channels: size * channels, filters: [filters], units, seed }),
  create: cpcSeries,
}
