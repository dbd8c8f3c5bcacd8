import type { BackboneDefinition } from '@selfsup/backbones'
import {
  type BackboneInput,
  type Encoder,
  encoderOf,
  type Method,
  type MethodDefinition,
  migrateOptions,
  type Normalisation,
  resolveOptions,
  SelfsupError,
  unknownName,
} from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { z } from 'zod'
import { findMethod } from './registry.js'

const runConfig = z.object({
  method: z.string(),
  /** resolved: defaults as they were when the run started */
  options: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  images: z.object({
    /** as an absolute path, or `shapes` */
    source: z.string(),
    split: z.enum(['train', 'test']),
    count: z.number().optional(),
    strict: z.boolean(),
  }),
  /** what the method gets of them */
  pictures: z.object({ size: z.number(), channels: z.union([z.literal(1), z.literal(3)]) }),
  /** of their pixels */
  normalisation: z
    .object({ mean: z.array(z.number()).readonly(), std: z.array(z.number()).readonly() })
    .optional(),
  backbone: z.string(),
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

/** What of a run's config makes its method. */
export type MethodConfig = Pick<
  RunConfig,
  'method' | 'options' | 'pictures' | 'normalisation' | 'backbone' | 'seed'
>

/**
 * The method that a run names, around a backbone with fresh weights.
 * @throws SelfsupError with the nearest name when there is no such method, option or backbone
 */
export async function makeMethod(config: MethodConfig): Promise<Method> {
  const { pictures, seed } = config
  const definition = await findMethod(config.method)
  const options = resolveOptions(definition, migrateOptions(definition, config.options, pictures))
  const normalisation = await normalisationOf(config)
  const backbone = await makeBackbone(definition, config, options)
  const kind = definition.ownBackbone ? undefined : await findBackbone(config.backbone)
  return definition.create(backbone, options, {
    seed,
    normalisation,
    pictures,
    ...(kind && { makeBackbone: (input) => kind.create(input) }),
  })
}

async function makeBackbone(
  definition: MethodDefinition,
  { backbone, pictures, seed }: MethodConfig,
  options: RunConfig['options'],
): Promise<LayersModel> {
  await checkBackbone(definition, backbone)
  if (definition.ownBackbone) return definition.ownBackbone(pictures, options, seed)
  const input: BackboneInput = definition.backboneInput?.(pictures, options) ?? pictures
  return (await findBackbone(backbone)).create({ ...input, seed })
}

/**
 * Whether a method can have a backbone of that name.
 * @throws SelfsupError with the nearest name when there is none, or when the method has one of its own kind
 */
export async function checkBackbone(definition: MethodDefinition, name: string): Promise<void> {
  const { ownBackbone, backbone } = definition
  if (!ownBackbone) await findBackbone(name)
  else if (name !== backbone)
    throw new SelfsupError(
      `${definition.name} has a backbone of its own kind (${backbone}); leave out --backbone ${name}`,
    )
}

/**
 * A backbone by name.
 * @throws SelfsupError with the nearest name when there is none
 */
async function findBackbone(name: string): Promise<BackboneDefinition> {
  const { backbones } = await import('@selfsup/backbones')
  const definition = backbones.find((backbone) => backbone.name === name)
  if (definition) return definition
  const names = backbones.map((backbone) => backbone.name)
  throw new SelfsupError(unknownName('backbone', name, names))
}

/** The backbone of a method where the user names none. */
export function defaultBackbone({ backbone = 'resnet18' }: MethodDefinition): string {
  return backbone
}

/** What a run's pixels are normalised with, as it was when the run started. */
export async function normalisationOf({
  normalisation,
  pictures,
}: Pick<RunConfig, 'normalisation' | 'pictures'>): Promise<Normalisation> {
  return normalisation ?? normalisationFor(pictures.channels)
}

/** What pixels are normalised with: ImageNet's statistics, of grey where there is no colour. */
export async function normalisationFor(channels: 1 | 3): Promise<Normalisation> {
  const { grayNormalisation, imagenetNormalisation } = await import('@selfsup/augment')
  return channels === 1 ? grayNormalisation : imagenetNormalisation
}

/** A finished or unfinished run's method with the weights of its newest checkpoint, and how it makes features. */
export interface TrainedMethod {
  readonly config: RunConfig
  readonly method: Method
  readonly encode: Encoder
  /** steps done */
  readonly step: number
}

/** @throws SelfsupError when the folder holds no run of the command line, or one without a checkpoint */
export async function trainedMethod(folder: string): Promise<TrainedMethod> {
  const { readRun, restoreMethod } = await import('@selfsup/train')
  const config = checkRunConfig(folder, (await readRun(folder)).config)
  const method = await makeMethod(config)
  const step = await restoreMethod(method, folder)
  return { config, method, encode: encoderOf(method), step }
}

/** Frees a method and the backbone that it was made around. */
export function disposeOf(method: Method): void {
  method.networks.backbone.dispose()
  method.dispose()
}
