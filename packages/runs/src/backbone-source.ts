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

/** Makes backbones of one kind, with fresh weights. */
export interface BackboneSource {
  /** the one that a run names */
  make(): LayersModel | Promise<LayersModel>
  /** further ones, for methods of several networks; missing where there is no other than the first */
  more?(input: BackboneInput & { readonly seed: number }): LayersModel
}

/** What a method and its images want of a backbone. */
export interface BackboneNeeds {
  readonly definition?: MethodDefinition
  readonly options: Readonly<Record<string, OptionValue>>
  /** missing where neither the run nor its method says */
  readonly imageShape?: ImageShape
  readonly seed: number
}

/**
 * A backbone by its name in @selfsup/backbones, of the shape that the method wants; or the method's own.
 * @throws SelfsupError with the nearest name when there is none of that name
 */
export async function namedBackbone(
  name: string,
  { definition, options, imageShape, seed }: BackboneNeeds & Pick<Required<BackboneNeeds>, 'imageShape'>,
): Promise<BackboneSource> {
  if (definition) await checkBackbone(definition, name)
  if (definition?.ownBackbone) return { make: () => definition.ownBackbone!(imageShape, options, seed) }
  const { findBackbone } = await import('@selfsup/backbones')
  const { create } = findBackbone(name)
  const input: BackboneInput = definition?.backboneInput?.(imageShape, options) ?? imageShape
  return { make: () => create({ ...input, seed }), more: (input) => create(input) }
}

/**
 * Whether a method can have a backbone of that name.
 * @throws SelfsupError with the nearest name when there is none, or when the method has one of its own kind
 */
export async function checkBackbone(definition: MethodDefinition, name: string): Promise<void> {
  const { ownBackbone, backbone } = definition
  if (!ownBackbone) (await import('@selfsup/backbones')).findBackbone(name)
  else if (name !== backbone)
    throw new SelfsupError(
      `${definition.name} has a backbone of its own kind, '${backbone}', and takes no other; got '${name}'`,
    )
}

/**
 * The backbone of a run: by its recipe, by its layers, or by its name alone.
 * @throws SelfsupError when the run's folder does not say what its backbone was
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
        `${folder}: '${run.method}' has a second network, made like its backbone; of this backbone only the layers are known. Make the method in TypeScript and pass it to openRun`,
      )
    },
  }
}

/** Makes models of the layers that a run's folder holds, by a seed of their weights. */
async function layersOfRun({
  folder,
  backbone,
  method,
}: Run): Promise<(seed: number) => Promise<LayersModel>> {
  // Runs of format 2 have no file of layers, but the exported backbone names them.
  const path = backbone?.topology
    ? join(folder, backbone.topology)
    : join(runPaths(folder).backbone, 'model.json')
  const content = await readFile(path, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  const modelTopology = backbone?.topology ? content : content?.modelTopology
  if (!modelTopology)
    throw new SelfsupError(
      `${folder} does not say what the backbone of '${method}' is made of: ${path} is missing or damaged. Make the method in TypeScript as the run's was, and pass it to openRun of @selfsup/runs, or to train with resume: true`,
    )
  const [{ initialise }, { loadLayersModel }, { io }] = await Promise.all([
    import('@selfsup/backbones'), // its layers are known by name from here on
    import('@tensorflow/tfjs-layers'),
    import('@tensorflow/tfjs-core'),
  ])
  return async (seed) => initialise(await loadLayersModel(io.fromMemory({ modelTopology })), seed, 'he')
}
