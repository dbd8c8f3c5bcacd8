import { type Augmentation, augmentation, normalisationOf } from '@selfsup/augment'
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
 * CPC, contrastive predictive coding of series: the context of the steps so far predicts the encodings of later steps
 * among those of other steps and of other series (van den Oord et al. 2018, arXiv:1807.03748, sections 2 and 3.1). The
 * features are the last context.
 *
 * @param backbone encoder and recurrent network: a model created by `seriesBackbone`
 * @param given options; the defaults are the paper's for audio
 * @param context seed of the prediction weights; for batches that contain images, whose rows are the series, also their
 *   `imageShape` and normalisation
 * @returns the method, ready for the training loop, for datasets whose batches contain `values` [batch, time, channels];
 *   reports `accuracyK` for predictions K steps ahead
 * @throws SelfsupError when an option is unknown or out of range, the backbone was not created by `seriesBackbone`, or
 *   series are too short for the steps ahead
 */
export function cpcSeries(
  backbone: tfl.LayersModel,
  given: CpcSeriesOptions = {},
  { seed = 1, imageShape, normalisation }: MethodContext = {},
): Method<tf.Tensor3D> {
  const options = resolveOptions(seriesDefinition, given)
  const { contrasted, scale } = options
  const sequences = sequencesOf(backbone)
  const [z, c] = sequences.outputs as [tfl.SymbolicTensor, tfl.SymbolicTensor]
  const [, time, targets] = z.shape as [null, number, number]
  const ahead = stepsOf('cpc-series', options, time, 'encodings of a series')
  const predictor = predictions(c.shape.slice(1) as number[], targets, ahead, seed + 1)
  const whole = imageShape && wholeImages(imageShape, normalisation)
  const column = (x: tf.Tensor) => tf.expandDims(x, 2) as tf.Tensor4D
  return {
    name: 'cpc-series',
    options,
    definition: seriesDefinition,
    networks: { backbone, predictor },
    state: {},
    normalisation: whole?.normalisation,
    imageShape,
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

/** Reads images as series of rows from top to bottom, as `rowsAsSeries` of @selfsup/data does. */
function rowsOf(images: tf.Tensor, backbone: tfl.LayersModel): tf.Tensor3D {
  return tf.reshape(images, [-1, ...shapeOf(backbone)])
}

/** Resizes whole images and normalises them, without random operations. */
function wholeImages({ size, channels }: ImageShape, normalisation?: Normalisation): Augmentation {
  return augmentation([{ size, scale: [1, 1], ratio: [1, 1] }], normalisationOf(channels, normalisation))
}

/** Number of steps and of values per step in the backbone's input. */
function shapeOf(backbone: tfl.LayersModel): [time: number, channels: number] {
  return backbone.inputs[0]!.shape.slice(1) as [number, number]
}

/** A model from the backbone's input to all encodings and all contexts. */
function sequencesOf(backbone: tfl.LayersModel): tfl.LayersModel {
  const outputOf = (name: string) => backbone.layers.find((layer) => layer.name === name)?.output
  const outputs = Object.values(seriesLayers).map(outputOf)
  expected(
    outputs.every((output) => output && !Array.isArray(output)),
    `cpc-series: the backbone must have layers named ${Object.values(seriesLayers).join(' and ')}; create it with seriesBackbone`,
  )
  return tfl.model({ inputs: backbone.inputs, outputs: outputs as tfl.SymbolicTensor[], name: 'sequences' })
}

/** One linear map W_k of the contexts for each step ahead (eq. 3). */
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
  expected(
    values,
    'cpc-series: batches must contain series; create the dataset with arrayDataset or rowsAsSeries',
  )
  assertRank('cpc-series', 'a batch', values, 3, '[batch, time, channels]')
  const [time, channels] = shapeOf(backbone)
  if (values.shape[1] !== time || values.shape[2] !== channels)
    throw new ShapeError(
      `cpc-series: a batch must have shape [batch, ${time}, ${channels}]; got [${values.shape}]`,
    )
  return values as tf.Tensor3D
}

/** The definition of CPC for series, for programs that look methods up by name. */
export const seriesDefinition: MethodDefinition<typeof options> = {
  name: 'cpc-series',
  summary: 'contrastive predictive coding of series: the steps so far predict the encodings of later steps',
  paper: 'van den Oord et al. 2018, arXiv:1807.03748',
  options,
  backbone: 'series',
  training: () => training,
  // Each row of an image is a step.
  ownBackbone: ({ size, channels }, { filters, units }, seed) =>
    seriesBackbone({ time: size, channels: size * channels, filters: [filters], units, seed }),
  create: cpcSeries,
}
