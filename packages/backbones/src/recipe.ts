import { type BackboneRecipe, readModelNotes, SelfsupError, unknownName } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { BackboneOptions } from './input.js'
import { backbones } from './registry.js'

/**
 * How a backbone of this package is made again: `backboneFromRecipe` makes one of the same layers and initial weights. It
 * travels with the model when that is saved and loaded.
 * @returns undefined for a model that this package did not make
 */
export function recipeOf(model: LayersModel): BackboneRecipe | undefined {
  return readModelNotes(model).recipe
}

/**
 * A backbone by name and options, with fresh weights.
 * @param changes options that are to be others than the recipe's: a seed, channels
 * @throws SelfsupError with the nearest name when there is no such backbone
 */
export function backboneFromRecipe(
  { name, options }: BackboneRecipe,
  changes: Partial<BackboneOptions> = {},
): LayersModel {
  return findBackbone(name).create({ ...(options as unknown as BackboneOptions), ...changes })
}

/**
 * A backbone's definition by its name.
 * @throws SelfsupError with the nearest name when there is none
 */
export function findBackbone(name: string) {
  const definition = backbones.find((backbone) => backbone.name === name)
  if (definition) return definition
  throw new SelfsupError(
    unknownName(
      'backbone',
      name,
      backbones.map((backbone) => backbone.name),
    ),
  )
}
