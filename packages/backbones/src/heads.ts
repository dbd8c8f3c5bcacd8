import { expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { normalisation, normalisationRelu, relu, through, withoutAffine } from './blocks.js'
import { initialise } from './initial-weights.js'

export interface HeadOptions {
  /** number of input features */
  readonly inputs: number
  /** units of each hidden layer */
  readonly hidden: number
  /** number of output features */
  readonly outputs: number
  /** number of linear layers; default 2 */
  readonly layers?: number
  /** batch normalisation after hidden layers, which then have no bias; default true */
  readonly batchNorm?: boolean
  /** batch normalisation after the last layer too; default false */
  readonly outputBatchNorm?: boolean
  /** whether the output's batch normalisation learns scale and shift; false in SimSiam and MoCo v3; default true */
  readonly outputAffine?: boolean
  /** seed of the initial weights; default 1 */
  readonly seed?: number
}

/**
 * The projection head, whose outputs the loss compares and which is discarded after training: linear layers with (batch
 * normalisation and) ReLU between them (SimCLR: Chen et al. 2020, arXiv:2002.05709, section 4.2).
 * @returns a model from [batch, inputs] to [batch, outputs]
 */
export function projector(options: HeadOptions): tfl.LayersModel {
  return head('projector', options)
}

/**
 * The prediction head, which predicts one view's projection from the other's (BYOL: Grill et al. 2020, arXiv:2006.07733).
 * @returns a model from [batch, inputs] to [batch, outputs]
 */
export function predictor(options: HeadOptions): tfl.LayersModel {
  return head('predictor', options)
}

function head(
  name: string,
  {
    inputs,
    hidden,
    outputs,
    layers = 2,
    batchNorm = true,
    outputBatchNorm = false,
    outputAffine = true,
    seed = 1,
  }: HeadOptions,
): tfl.LayersModel {
  expected(
    Number.isInteger(layers) && layers >= 1,
    `${name}: layers must be a whole number of at least 1; got ${layers}`,
  )
  const input = tfl.input({ shape: [inputs], name: 'features' })
  let x = input
  for (let index = 1; index <= layers; index++) {
    const last = index === layers
    const normalised = last ? outputBatchNorm : batchNorm
    const dense = tfl.layers.dense({
      name: `${index}/linear`,
      units: last ? outputs : hidden,
      useBias: !normalised,
      kernelInitializer: 'zeros',
    })
    x = through(dense, x)
    if (normalised && !last) x = normalisationRelu(x, `${index}/bn`, `${index}/relu`)
    else if (normalised) x = normalisation(x, `${index}/bn`)
    else if (!last) x = relu(x, `${index}/relu`)
  }
  const model = initialise(tfl.model({ inputs: input, outputs: x, name }), seed, 'default')
  return outputBatchNorm && !outputAffine ? withoutAffine(model, [`${layers}/bn`]) : model
}
