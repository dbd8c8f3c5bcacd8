import type { Run } from '@selfsup/run-folder'
import type { FeatureMaker } from './features.js'
import { backboneSourceOf, disposeMethod, methodOfRun } from './make-method.js'
import { isMethod } from './registry.js'

/** The encoder of a run with fresh weights: the baseline for its training. */
export async function untrainedFeatures(
  run: Run,
): Promise<{ readonly maker: FeatureMaker; readonly dispose: () => void }> {
  if (isMethod(run.method) && !run.teacher) {
    const method = await (await methodOfRun(run)).make()
    return { maker: method, dispose: () => disposeMethod(method) }
  }
  const backbone = await (await backboneSourceOf(run)).source.make()
  const { method: name, options } = run
  return { maker: { name, options, networks: { backbone } }, dispose: () => backbone.dispose() }
}
