import { expected, type Method, trainableWeights, type WeightNames } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'

/** Variables by the names that checkpoints, groups and phases use: `backbone/conv1/kernel`, `temperature`. */
export type TrainedWeights = Readonly<Record<string, tf.Variable>>

/**
 * All that training may change by gradients: the trainable weights of a method's networks, and its parameters.
 * @throws SelfsupError when a parameter has a network's name or can't be trained
 */
export function trainedWeights({ name, networks, parameters = {} }: Method): TrainedWeights {
  for (const [parameter, { trainable, dtype }] of Object.entries(parameters)) {
    expected(
      !Object.hasOwn(networks, parameter),
      `${name}: '${parameter}' is a network and a parameter; give the parameter another name`,
    )
    expected(
      trainable && dtype === 'float32',
      `${name}: parameter '${parameter}' must be a trainable variable of float32; what no gradient reaches belongs into 'state'`,
    )
  }
  return { ...trainableWeights(networks), ...parameters }
}

/**
 * The weights that words stand for.
 * @param where method and place, first words of the message
 * @returns names, in the weights' order
 * @throws SelfsupError when a word stands for none
 */
export function weightsNamed(weights: TrainedWeights, words: WeightNames, where: string): string[] {
  const meant = (word: string, name: string) => name === word || name.startsWith(`${word}/`)
  const names = Object.keys(weights)
  for (const word of words) {
    expected(
      names.some((name) => meant(word, name)),
      `${where} names '${word}', which has no trainable weights; there are ${firstParts(names).join(', ')}, and single weights such as ${names[0] ?? 'none'}`,
    )
  }
  return names.filter((name) => words.some((word) => meant(word, name)))
}

/** Networks and parameters that weights belong to. */
function firstParts(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.split('/')[0]!))]
}
