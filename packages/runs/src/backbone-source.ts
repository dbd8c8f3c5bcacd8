import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type BackboneInput,
  type ImageShape,
  type MethodDefinition,
  type OptionValue,
  SelfsupError,
} from '@selfsup/core'
import { type Run, runPaths } from '@selfsup/run-folder'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { isPretrainedBackbone, pretrainedBackbone } from './pretrained-backbone.js'

/** Creates backbones of one architecture, with fresh weights. */
export interface BackboneSource {
  /** the backbone that the run names */
  make(): LayersModel | Promise<LayersModel>
  /** creates another one, for methods with several networks; missing if only one can be created */
  more?(input: BackboneInput & { readonly seed: number }): LayersModel
}

/** What a method and its images require of a backbone. */
export interface BackboneNeeds {
  readonly definition?: MethodDefinition
  readonly options: Readonly<Record<string, OptionValue>>
  /** missing if neither the run nor its method defines it */
  readonly imageShape?: ImageShape
  readonly seed: number
}

/**
 * Finds a backbone by its name in @selfsup/backbones, with the input shape that the method needs; or the method's own.
 * @throws SelfsupError with the nearest name if the name is unknown
 */
export async function namedBackbone(
  name: string,
  { definition, options, imageShape, seed }: BackboneNeeds & Pick<Required<BackboneNeeds>, 'imageShape'>,
): Promise<BackboneSource> {
  if (definition) await checkBackbone(definition, name)
  if (definition?.ownBackbone) return { make: () => definition.ownBackbone!(imageShape, options, seed) }
  const { findBackbone } = await import('@selfsup/backbones')
  const input: BackboneInput = definition?.backboneInput?.(imageShape, options) ?? imageShape
  if (await isPretrainedBackbone(name)) return { make: () => pretrainedBackbone(name, input) }
  const { create } = findBackbone(name)
  return { make: () => create({ ...input, seed }), more: (input) => create(input) }
}

/**
 * Checks that a method can use the backbone of this name.
 * @throws SelfsupError with the nearest name if the name is unknown, or if the method only works with its own backbone
 */
export async function checkBackbone(definition: MethodDefinition, name: string): Promise<void> {
  const { ownBackbone, backbone } = definition
  if (!ownBackbone) {
    if (!(await isPretrainedBackbone(name))) (await import('@selfsup/backbones')).findBackbone(name)
  } else if (name !== backbone)
    throw new SelfsupError(
      `${definition.name} only works with its own backbone, '${backbone}'; got '${name}'`,
    )
}

/**
 * The backbone of a run: from its recipe, its layers, or its name.
 * @throws SelfsupError if the run's folder contains none of them
 */
export async function backboneOfRun(run: Run, needs: BackboneNeeds): Promise<BackboneSource> {
  const { backbone, folder } = run
  if (backbone?.options) {
    const { backboneFromRecipe } = await import('@selfsup/backbones')
    const recipe = { name: backbone.name, options: backbone.options }
    return { make: () => backboneFromRecipe(recipe), more: (input) => backboneFromRecipe(recipe, input) }
  }
  const { imageShape } = needs
  if (backbone && !backbone.topology && imageShape)
    return namedBackbone(backbone.name, { ...needs, imageShape })
  const model = await layersOfRun(run)
  return {
    make: () => model(needs.seed),
    more() {
      throw new SelfsupError(
        `${folder}: '${run.method}' needs a second network like its backbone, but the run contains only the layers of the backbone, not how to create it. Create the method in TypeScript and pass it to openRun`,
      )
    },
  }
}

/** Creates models from the layers in a run's folder, with weights drawn from a seed. */
async function layersOfRun({
  folder,
  backbone,
  method,
}: Run): Promise<(seed: number) => Promise<LayersModel>> {
  // Runs of format 2 have no topology file, but the exported backbone contains the layers.
  const path = backbone?.topology
    ? join(folder, backbone.topology)
    : join(runPaths(folder).backbone, 'model.json')
  const content = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  const modelTopology = backbone?.topology ? content : content?.modelTopology
  if (!modelTopology)
    throw new SelfsupError(
      `${folder}: the layers of the backbone of '${method}' are unknown: ${path} is missing or damaged. Create the method in TypeScript as for the run, and pass it to openRun of @selfsup/runs, or to train with resume: true`,
    )
  const [{ initialise }, { loadLayersModel }, { io }] = await Promise.all([
    import('@selfsup/backbones'), // registers its layer classes
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-core'),
  ])
  return async (seed) => initialise(await loadLayersModel(io.fromMemory({ modelTopology })), seed, 'he')
}
