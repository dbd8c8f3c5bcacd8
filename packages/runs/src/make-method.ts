import {
  type ImageShape,
  type Method,
  type MethodDefinition,
  type Normalisation,
  type OptionValue,
  resolveOptions,
  SelfsupError,
  type Teacher,
} from '@selfsup/core'
import type { Run } from '@selfsup/run-folder'
import { type BackboneSource, backboneOfRun, namedBackbone } from './backbone-source.js'
import { defaultNormalisation } from './default-normalisation.js'
import { findMethod, isMethod } from './registry.js'
import { storedOptions } from './stored-options.js'

/** Description of a method in the registry, enough to create it. */
export interface MethodSpec {
  readonly method: string
  /** missing options get their defaults */
  readonly options: Readonly<Record<string, OptionValue>>
  /** shape of the images that the method receives */
  readonly imageShape: ImageShape
  /** normalisation of pixels; default ImageNet's statistics (of grey images for one channel) */
  readonly normalisation?: Normalisation
  /** name of a backbone in @selfsup/backbones, or of the method's own backbone */
  readonly backbone: string
  /** seed of all initial weights */
  readonly seed: number
  /** the network to learn from, for methods that need one; the caller disposes of it, after the method */
  readonly teacher?: Teacher
  /** number of training images, for methods with weights for each image */
  readonly imageCount?: number
}

/**
 * Creates a method by name, with a freshly initialised backbone.
 * @throws SelfsupError with the nearest name if the method, an option or the backbone is unknown
 */
export async function makeMethod(spec: MethodSpec): Promise<Method> {
  const definition = await findMethod(spec.method)
  const options = resolveOptions(definition, spec.options)
  if (definition.needsTeacher && !spec.teacher)
    throw new SelfsupError(`${spec.method} needs a teacher, but none is given`, {
      fix: 'pass the folder of a trained run, or of an exported model, as teacher',
    })
  if (spec.teacher && !definition.needsTeacher)
    throw new SelfsupError(`${spec.method} does not learn from a teacher`, {
      fix: 'leave the teacher out, or use distillation',
    })
  const source = await namedBackbone(spec.backbone, { ...spec, definition, options })
  return create(definition, { ...spec, options }, source)
}

/** The method of a run. */
export interface MethodOfRun {
  readonly definition: MethodDefinition
  /**
   * Creates the method with fresh weights; `restoreMethod` of @selfsup/train loads those of the run.
   * @param teacher the network that the method learns from, if it needs one
   * @throws SelfsupError if the run's folder does not describe its backbone
   */
  make(teacher?: Teacher): Promise<Method>
}

/**
 * Finds the method of a run in the registry.
 * @throws SelfsupError if it is not in the registry
 */
export async function methodOfRun(run: Run): Promise<MethodOfRun> {
  if (!isMethod(run.method))
    throw new SelfsupError(
      `${run.folder} was trained with method '${run.method}', which is not in the registry. In the program that defines it, resume with train(method, dataset, { ...settings, out: '${run.folder}', resume: true }) or open with openRun('${run.folder}', { method })`,
    )
  const definition = await findMethod(run.method)
  return {
    definition,
    async make(teacher) {
      const options = storedOptions(definition, run.options, run.imageShape)
      const { source, seed } = await backboneSourceOf(run, definition)
      return create(definition, { ...run, seed, options, teacher, imageCount: run.dataset.length }, source)
    },
  }
}

/** The backbone of a run, and the seed of its weights. */
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
    teacher,
    imageCount,
  }: Pick<MethodSpec, 'options' | 'seed' | 'teacher' | 'imageCount'> &
    Partial<Pick<MethodSpec, 'normalisation' | 'imageShape'>>,
  { make, more }: BackboneSource,
): Promise<Method> {
  const backbone = await make()
  try {
    return definition.create(backbone, options, {
      seed,
      normalisation: normalisation ?? (imageShape && (await defaultNormalisation(imageShape.channels))),
      imageShape,
      teacher,
      imageCount,
      ...(more && { makeBackbone: more }),
    })
  } catch (error) {
    backbone.dispose()
    throw error
  }
}

/** The backbone of a method if the user names none. */
export function defaultBackbone({ backbone = 'resnet18' }: MethodDefinition): string {
  return backbone
}

/** Disposes of a method and its backbone. */
export function disposeMethod(method: Method): void {
  method.networks.backbone.dispose()
  method.dispose()
}
