import { expected, type Method, trainableWeights, type WeightNames } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'

/** Variables by the names that checkpoints, groups and phases use: `backbone/conv1/kernel`, `temperature`. */
export type TrainedWeights = Readonly<Record<string, tf.Variable>>

/**
 * All weights that gradients update: the trainable weights of a method's networks, and its parameters.
 * @throws SelfsupError if a parameter has the name of a network or can't be trained
 */
export function trainedWeights({ name, networks, parameters = {} }: Method): TrainedWeights {
  for (const [parameter, { trainable, dtype }] of Object.entries(parameters)) {
    expected(
      !Object.hasOwn(networks, parameter),
      `${name}: '${parameter}' is the name of both a network and a parameter; give the parameter another name`,
    )
    expected(
      trainable && dtype === 'float32',
      `${name}: parameter '${parameter}' must be a trainable float32 variable; put variables without a gradient into 'state'`,
    )
  }
  return { ...trainableWeights(networks), ...parameters }
}

/**
 * Selects weights by names of networks or parameters, or by prefixes of the weights' names.
 * @param where method and phase or group, the first words of the message
 * @returns names of the weights, in their order
 * @throws SelfsupError if a selector matches no weight
 */
export function weightsNamed(weights: TrainedWeights, selectors: WeightNames, where: string): string[] {
  const matches = (selector: string, name: string) => name === selector || name.startsWith(`${selector}/`)
  const names = Object.keys(weights)
  for (const selector of selectors) {
    expected(
      names.some((name) => matches(selector, name)),
      `${where} names '${selector}', which has no trainable weights; available: ${firstParts(names).join(', ')}, and single weights such as ${names[0] ?? 'none'}`,
    )
  }
  return names.filter((name) => selectors.some((selector) => matches(selector, name)))
}

/** The networks and parameters that the weights belong to. */
function firstParts(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.split('/')[0]!))]
}
