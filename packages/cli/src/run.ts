import { type Method, type MethodContext, SelfsupError } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { z } from 'zod'
import { unknown } from './nearest.js'
import { findMethod } from './registry.js'

const runConfig = z.object({
  method: z.string(),
  options: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  images: z.object({
    /** as an absolute path, or `shapes` */
    source: z.string(),
    split: z.enum(['train', 'test']),
    count: z.number().optional(),
    strict: z.boolean(),
  }),
  backbone: z.object({ name: z.string(), size: z.number(), channels: z.union([z.literal(1), z.literal(3)]) }),
  seed: z.number(),
})

/** What the command line writes down of a run: enough to make images, backbone and method again. */
export type RunConfig = z.infer<typeof runConfig>

/**
 * The command line's part of a run's config.json.
 * @throws SelfsupError when the run was made by another program
 */
export function checkRunConfig(folder: string, config: unknown): RunConfig {
  const { success, data } = runConfig.safeParse(config)
  if (!success) {
    throw new SelfsupError(
      `${folder}: this run was not made by the command line; go on with it from the program that made it`,
    )
  }
  return data
}

/**
 * The network that a run names, with fresh weights.
 * @throws SelfsupError with the nearest name when there is none
 */
export async function makeBackbone({
  backbone: { name, size, channels },
  seed,
}: RunConfig): Promise<LayersModel> {
  const { backbones } = await import('@selfsup/backbones')
  const definition = backbones.find((backbone) => backbone.name === name)
  if (!definition)
    throw new SelfsupError(
      unknown(
        'backbone',
        name,
        backbones.map((backbone) => backbone.name),
      ),
    )
  return definition.create({ size, channels, seed })
}

/** The method that a run names, around a backbone. */
export async function makeMethod(config: RunConfig): Promise<Method> {
  const definition = await findMethod(config.method)
  const context: MethodContext = {
    seed: config.seed,
    normalisation: await normalisationFor(config.backbone.channels),
  }
  return definition.create(await makeBackbone(config), config.options, context)
}

/** What pixels are normalised with: ImageNet's statistics, of grey where there is no colour. */
export async function normalisationFor(channels: 1 | 3) {
  const { grayNormalisation, imagenetNormalisation } = await import('@selfsup/augment')
  return channels === 1 ? grayNormalisation : imagenetNormalisation
}

/** A finished or unfinished run's backbone with the weights of its newest checkpoint. */
export async function trainedBackbone(
  folder: string,
): Promise<{ config: RunConfig; backbone: LayersModel; step: number }> {
  const { readRun, restoreNetworks } = await import('@selfsup/train')
  const config = checkRunConfig(folder, (await readRun(folder)).config)
  const backbone = await makeBackbone(config)
  const step = await restoreNetworks({ backbone }, folder)
  return { config, backbone, step }
}
