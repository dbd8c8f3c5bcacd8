import {
  type ImageShape,
  type Method,
  type MethodDefinition,
  type Normalisation,
  type OptionValue,
  resolveOptions,
  SelfsupError,
} from '@selfsup/core'
import type { Run } from '@selfsup/run-folder'
import { type BackboneSource, backboneOfRun, namedBackbone } from './backbone-source.js'
import { findMethod, isMethod } from './registry.js'
import { storedOptions } from './stored-options.js'

/** What a method of the registry is made of. */
export interface MethodSpec {
  readonly method: string
  /** defaults for those that are missing */
  readonly options: Readonly<Record<string, OptionValue>>
  /** of the images that the method gets */
  readonly imageShape: ImageShape
  /** of their pixels; default ImageNet's statistics, of grey where there is one channel */
  readonly normalisation?: Normalisation
  /** name of a backbone in @selfsup/backbones, or of the method's own */
  readonly backbone: string
  /** of all initial weights */
  readonly seed: number
}

/**
 * A method by name, around a backbone with fresh weights.
 * @throws SelfsupError with the nearest name when there is no such method, option or backbone
 */
export async function makeMethod(spec: MethodSpec): Promise<Method> {
  const definition = await findMethod(spec.method)
  const options = resolveOptions(definition, spec.options)
  const source = await namedBackbone(spec.backbone, { ...spec, definition, options })
  return create(definition, { ...spec, options }, source)
}

/** The method of a run. */
export interface MethodOfRun {
  readonly definition: MethodDefinition
  /**
   * Around a backbone with fresh weights: `restoreMethod` of @selfsup/train gives it those of the run.
   * @throws SelfsupError when the run's folder does not say what its backbone was
   */
  make(): Promise<Method>
}

/**
 * Finds the method of a run in the registry.
 * @throws SelfsupError when it is not there
 */
export async function methodOfRun(run: Run): Promise<MethodOfRun> {
  if (!isMethod(run.method))
    throw new SelfsupError(
      `${run.folder} was trained by a method that only its program knows, '${run.method}'. In that program: train(method, dataset, { ...settings, out: '${run.folder}', resume: true }) goes on with it, openRun('${run.folder}', { method }) opens it`,
    )
  const definition = await findMethod(run.method)
  return {
    definition,
    async make() {
      const options = storedOptions(definition, run.options, run.imageShape)
      const { source, seed } = await backboneSourceOf(run, definition)
      return create(definition, { ...run, seed, options }, source)
    },
  }
}

/** The backbone of a run with what it is made for. */
export async function backboneSourceOf(run: Run, definition?: MethodDefinition) {
  const { seed = 0 } = run.settings
  const options = definition ? storedOptions(definition, run.options, run.imageShape) : run.options
  const source = await backboneOfRun(run, { definition, options, imageShape: run.imageShape, seed })
  return { source, seed }
}

async function create(
  definition: MethodDefinition,
  {
    options,
    seed,
    normalisation,
    imageShape,
  }: Pick<MethodSpec, 'options' | 'seed'> & Partial<Pick<MethodSpec, 'normalisation' | 'imageShape'>>,
  { make, more }: BackboneSource,
): Promise<Method> {
  const backbone = await make()
  try {
    return definition.create(backbone, options, {
      seed,
      normalisation: normalisation ?? (imageShape && (await defaultNormalisation(imageShape.channels))),
      imageShape,
      ...(more && { makeBackbone: more }),
    })
  } catch (error) {
    backbone.dispose()
    throw error
  }
}

/** The backbone of a method where the user names none. */
export function defaultBackbone({ backbone = 'resnet18' }: MethodDefinition): string {
  return backbone
}

/** What pixels are normalised with where nobody says otherwise: ImageNet's statistics, of grey where there is no colour. */
export async function defaultNormalisation(channels: number): Promise<Normalisation> {
  const { grayNormalisation, imagenetNormalisation } = await import('@selfsup/augment')
  return channels === 1 ? grayNormalisation : imagenetNormalisation
}

/** Frees a method and the backbone that it was made around. */
export function disposeMethod(method: Method): void {
  method.networks.backbone.dispose()
  method.dispose()
}
