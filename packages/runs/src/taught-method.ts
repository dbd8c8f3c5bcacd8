import type { ImageDataset, Method } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Run } from '@selfsup/run-folder'
import { type MethodSpec, makeMethod, methodOfRun } from './make-method.js'
import { type OpenedTeacher, openTeacher, openTeacherAgain, withFeatures } from './teacher.js'

/** The images that a method will be trained on, and where messages go. */
export interface TrainingContext {
  readonly dataset: ImageDataset
  readonly engine: Engine
  readonly onNote?: (text: string) => void
}

/**
 * Creates a method with its teacher, which the method disposes of.
 * @param source the teacher: a run, an exported or a pretrained model
 * @throws SelfsupError if the teacher cannot be opened, or the method does not learn from one
 */
export async function makeMethodWithTeacher(
  spec: Omit<MethodSpec, 'teacher'>,
  source: string,
  context: TrainingContext,
): Promise<Method> {
  return taught(await openTeacher(source, context.onNote), spec.options, context, (teacher) =>
    makeMethod({ ...spec, teacher }),
  )
}

/**
 * Creates the method of a run to train it further, with its teacher if it has one. Prepare an engine first.
 * @throws SelfsupError if the teacher no longer exists, or has other weights
 */
export async function recreateMethod(run: Run, context: TrainingContext): Promise<Method> {
  const { make } = await methodOfRun(run)
  if (!run.teacher) return make()
  return taught(await openTeacherAgain(run.teacher), run.options, context, make)
}

async function taught(
  opened: OpenedTeacher,
  options: MethodSpec['options'],
  { dataset, ...context }: TrainingContext,
  make: (teacher: OpenedTeacher) => Promise<Method>,
): Promise<Method> {
  let teacher = opened
  try {
    // Images with more channels than the teacher sees are passed through it in each step.
    const fits = opened.model.inputs[0]!.shape[3] === dataset.channels
    if (options.views === 'fixed' && fits) teacher = await withFeatures(opened, dataset, context)
    const method = await make(teacher)
    const dispose = () => {
      method.dispose()
      teacher.dispose()
    }
    return { ...method, dispose }
  } catch (error) {
    teacher.dispose()
    throw error
  }
}
